import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import type { JsonObject } from '@bufbuild/protobuf';
import type { TransportSocketConfig, UpstreamTlsContext } from '@inmesh/core';
import { decodeJson, refusalOf } from '../../testing/decode-json.ts';
import { newDecoding } from '../new-decoding.ts';
import { resourceTypes } from '../resource-types.ts';

const SOCKETS = 'type.googleapis.com/envoy.extensions.transport_sockets.';
const socket = (type: string, json: JsonObject = {}): JsonObject => ({
  name: 's',
  typed_config: { '@type': `${SOCKETS}${type}`, ...json },
});
const raw = socket('raw_buffer.v3.RawBuffer');
const tls = (json: JsonObject = {}) => socket('tls.v3.UpstreamTlsContext', json);
const common = (json: JsonObject) => tls({ common_tls_context: json });
const base = { name: 'c', type: 'EDS', eds_cluster_config: { eds_config: { ads: {} } } };
const cluster = (json: JsonObject) => decodeJson('cluster', { ...base, ...json });
const transport = (json: JsonObject) => cluster(json).transport;
const socketOf = (json: JsonObject): TransportSocketConfig => transport({ transport_socket: json }).socket;
const refused = (json: JsonObject) => refusalOf('cluster', { ...base, transport_socket: json });

function contextOf(json: JsonObject): UpstreamTlsContext {
  const found = socketOf(json);
  assert.ok(found.kind === 'tls', JSON.stringify(found));
  return found.context;
}

const ads = { ads: {} };
const agent = {
  api_config_source: { api_type: 'GRPC', grpc_services: [{ envoy_grpc: { cluster_name: 'sds-grpc' } }] },
};

describe('transport sockets', () => {
  it('are plain where the feed says nothing', () => {
    assert.deepEqual(transport({}), { socket: { kind: 'raw_buffer' }, matches: [] });
    assert.deepEqual(socketOf(raw), { kind: 'raw_buffer' });
  });

  it('fill in Envoy’s defaults of TLS', () => {
    assert.deepEqual(contextOf(tls()), {
      common: {
        minVersion: null,
        maxVersion: null,
        cipherSuites: [],
        ecdhCurves: [],
        signatureAlgorithms: [],
        certificates: [],
        validation: null,
        alpnProtocols: [],
      },
      sni: '',
      autoHostSni: false,
      autoSniSanValidation: false,
      allowRenegotiation: false,
      maxSessionKeys: 1,
    });
  });

  it('read how to speak TLS', () => {
    const context = contextOf(
      tls({
        sni: 'outbound_.80_._.a',
        auto_host_sni: true,
        allow_renegotiation: true,
        max_session_keys: 0,
        common_tls_context: {
          alpn_protocols: ['istio-peer-exchange', 'istio'],
          tls_params: {
            tls_minimum_protocol_version: 'TLSv1_2',
            tls_maximum_protocol_version: 'TLSv1_3',
            cipher_suites: ['[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]'],
            ecdh_curves: ['X25519'],
            signature_algorithms: ['ecdsa_secp256r1_sha256'],
          },
        },
      }),
    );
    assert.deepEqual(context, {
      common: {
        minVersion: 'TLSv1.2',
        maxVersion: 'TLSv1.3',
        cipherSuites: ['[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]'],
        ecdhCurves: ['X25519'],
        signatureAlgorithms: ['ecdsa_secp256r1_sha256'],
        certificates: [],
        validation: null,
        alpnProtocols: ['istio-peer-exchange', 'istio'],
      },
      sni: 'outbound_.80_._.a',
      autoHostSni: true,
      autoSniSanValidation: false,
      allowRenegotiation: true,
      maxSessionKeys: 0,
    });
  });

  it('say where secrets are asked for', () => {
    const refOf = (sds_config: JsonObject | null) => {
      const config = { name: 'default', ...(sds_config === null ? {} : { sds_config }) };
      const [first] = contextOf(common({ tls_certificate_sds_secret_configs: [config] })).common.certificates;
      assert.ok(first?.kind === 'sds');
      return first.secret;
    };
    assert.deepEqual(refOf(agent), {
      name: 'default',
      source: { kind: 'grpc', clusterName: 'sds-grpc', delta: false },
      initialFetchTimeoutMs: 15_000,
    });
    assert.deepEqual(refOf({ ...ads, initial_fetch_timeout: '0s' }), {
      name: 'default',
      source: { kind: 'ads' },
      initialFetchTimeoutMs: 0,
    });
    assert.deepEqual(refOf(null).source, { kind: 'static' });
    assert.deepEqual(refOf({ self: {} }).source, { kind: 'ads' });
    assert.deepEqual(refOf({ path_config_source: { path: '/s.yaml', watched_directory: { path: '/' } } }).source, {
      kind: 'path',
      path: '/s.yaml',
      watchedDirectory: '/',
    });
    const google = { google_grpc: { target_uri: 'unix:/s.sock', stat_prefix: 's' } };
    const delta = { api_config_source: { api_type: 'DELTA_GRPC', grpc_services: [google] } };
    assert.deepEqual(refOf(delta).source, { kind: 'google_grpc', targetUri: 'unix:/s.sock', delta: true });
  });

  it('join rules of the cluster with roots that come as a secret', () => {
    const { validation } = contextOf(
      common({
        combined_validation_context: {
          default_validation_context: { match_subject_alt_names: [{ exact: 'spiffe://td/ns/a/sa/b' }] },
          validation_context_sds_secret_config: { name: 'ROOTCA', sds_config: agent },
        },
      }),
    ).common;
    assert.equal(validation?.context?.subjectAltNames[0]?.value, 'spiffe://td/ns/a/sa/b');
    assert.equal(validation.secret?.name, 'ROOTCA');
    assert.equal(validation.provider, null);
    const alone = contextOf(common({ validation_context_sds_secret_config: { name: 'ROOTCA', sds_config: ads } }))
      .common.validation;
    assert.deepEqual([alone?.context, alone?.secret?.name], [null, 'ROOTCA']);
  });

  it('name certificate providers, by the new fields and by those that they replaced', () => {
    const types = resourceTypes(newDecoding({ profile: 'grpc' }));
    const of = (json: JsonObject) => {
      const named = { ...common(json), name: 'envoy.transport_sockets.tls' };
      const found = decodeJson('cluster', { ...base, transport_socket: named }, types).transport.socket;
      assert.ok(found.kind === 'tls');
      const { certificates, validation } = found.context.common;
      return { certificates, provider: validation?.provider };
    };
    const expected = {
      certificates: [{ kind: 'provider', instanceName: 'default', certificateName: 'me' }],
      provider: { instanceName: 'default', certificateName: 'ROOTCA' },
    };
    const me = { instance_name: 'default', certificate_name: 'me' };
    const roots = { instance_name: 'default', certificate_name: 'ROOTCA' };
    assert.deepEqual(
      of({
        tls_certificate_provider_instance: me,
        validation_context: { ca_certificate_provider_instance: roots },
      }),
      expected,
    );
    assert.deepEqual(
      of({
        tls_certificate_certificate_provider_instance: me,
        combined_validation_context: {
          default_validation_context: {},
          validation_context_certificate_provider_instance: roots,
        },
      }),
      expected,
    );
    assert.deepEqual(
      of({
        tls_certificate_provider_instance: me,
        validation_context_certificate_provider_instance: roots,
      }),
      expected,
    );
  });

  it('keep inline keys to themselves', () => {
    const context = contextOf(
      common({
        tls_certificates: [{ certificate_chain: { inline_string: 'chain' }, private_key: { inline_string: 'hush' } }],
        validation_context: { trusted_ca: { inline_string: 'roots' } },
      }),
    );
    const [first] = context.common.certificates;
    assert.ok(first?.kind === 'inline' && first.certificate.privateKey?.kind === 'inline');
    assert.equal(Buffer.from(first.certificate.privateKey.bytes.reveal()).toString(), 'hush');
    for (const shown of [JSON.stringify(context), inspect(context, { depth: null, showHidden: true }), `${context}`]) {
      assert.doesNotMatch(shown, /hush|104, ?117, ?115, ?104|aHVza/);
    }
  });

  it('are chosen by what endpoints say of themselves', () => {
    const { matches } = transport({
      transport_socket_matches: [
        { name: 'tlsMode-istio', match: { tlsMode: 'istio' }, transport_socket: tls() },
        { name: 'tlsMode-disabled', match: {}, transport_socket: raw },
      ],
    });
    assert.deepEqual(
      matches.map(({ name, criteria, socket: { kind } }) => [name, criteria, kind]),
      [
        ['tlsMode-istio', { tlsMode: 'istio' }, 'tls'],
        ['tlsMode-disabled', {}, 'raw_buffer'],
      ],
    );
  });

  it('are chosen by what localities say, too', () => {
    const metadata = { filter_metadata: { 'envoy.transport_socket_match': { tlsMode: 'istio' } } };
    const { localities } = decodeJson('clusterLoadAssignment', { cluster_name: 'c', endpoints: [{ metadata }, {}] });
    assert.deepEqual(
      localities.map((each) => each.metadata),
      [metadata.filter_metadata, undefined],
    );
  });

  it('stand inside one another', () => {
    const proxied = socketOf(
      socket('proxy_protocol.v3.ProxyProtocolUpstreamTransport', {
        config: { version: 'V2', added_tlvs: [{ type: 0xf1, value: Buffer.from('x').toString('base64') }] },
        transport_socket: tls({ sni: 'a' }),
      }),
    );
    assert.ok(proxied.kind === 'upstream_proxy_protocol' && proxied.inner.kind === 'tls');
    assert.deepEqual([proxied.version, proxied.inner.context.sni], ['v2', 'a']);
    assert.deepEqual(proxied.tlvs, [{ type: 0xf1, value: new Uint8Array([120]) }]);
    assert.deepEqual(socketOf(socket('http_11_proxy.v3.Http11ProxyUpstreamTransport')), {
      kind: 'http_11_proxy',
      inner: { kind: 'raw_buffer' },
      defaultProxy: null,
    });
    const tunnelled = socketOf(
      socket('http_11_proxy.v3.Http11ProxyUpstreamTransport', {
        transport_socket: raw,
        default_proxy_address: { socket_address: { address: '10.0.0.1', port_value: 3128 } },
      }),
    );
    assert.deepEqual(tunnelled, {
      kind: 'http_11_proxy',
      inner: { kind: 'raw_buffer' },
      defaultProxy: { kind: 'socket', host: '10.0.0.1', port: 3128 },
    });
  });

  const place = 'transport_socket.typed_config';
  for (const [what, json, fields] of [
    ['an unknown type', { name: 'q', typed_config: { '@type': `${SOCKETS}quic.v3.X` } }, ['transport_socket: q']],
    ['no type at all', { name: 'envoy.transport_sockets.tls' }, ['transport_socket: envoy.transport_sockets.tls']],
    [
      'a handshaker of Envoy’s',
      common({ custom_handshaker: { name: 'h', typed_config: { '@type': `${SOCKETS}raw_buffer.v3.RawBuffer` } } }),
      [`${place}.common_tls_context.custom_handshaker`],
    ],
    [
      'a policy of FIPS',
      common({ tls_params: { compliance_policies: ['FIPS_202205'] } }),
      [`${place}.common_tls_context.tls_params.compliance_policies`],
    ],
    ['key usages of RSA', tls({ enforce_rsa_key_usage: true }), [`${place}.enforce_rsa_key_usage`]],
    [
      'a socket inside one that is known',
      socket('proxy_protocol.v3.ProxyProtocolUpstreamTransport', { transport_socket: { name: 'q' } }),
      [`${place}.transport_socket: q`],
    ],
    [
      'secrets over REST',
      common({
        tls_certificate_sds_secret_configs: [
          { name: 'n', sds_config: { api_config_source: { api_type: 'REST', cluster_names: ['x'] } } },
        ],
      }),
      [`${place}.common_tls_context.tls_certificate_sds_secret_configs[0].sds_config.api_config_source.api_type: REST`],
    ],
  ] as const) {
    it(`are refused by name with ${what}`, () => {
      assert.deepEqual(socketOf(json as JsonObject), { kind: 'unsupported', fields });
    });
  }

  const certificate = { certificate_chain: { inline_string: 'c' }, private_key: { inline_string: 'k' } };
  for (const [what, json, expected] of [
    [
      'two certificates',
      common({ tls_certificates: [certificate, certificate] }),
      /Multiple TLS certificates are not supported for client contexts/,
    ],
    [
      'names to check, and nothing to check them with',
      tls({ auto_sni_san_validation: true }),
      /auto_sni_san_validation/,
    ],
    ['a null byte in the server name', tls({ sni: 'a\0b' }), /SNI names containing NULL-byte/],
    ['a server name of 256 bytes', tls({ sni: 'a'.repeat(256) }), /typed_config\.sni/],
    [
      'nothing inside of a proxy protocol',
      socket('proxy_protocol.v3.ProxyProtocolUpstreamTransport'),
      /transport_socket/,
    ],
  ] as const) {
    it(`are no configuration with ${what}`, () => assert.match(refused(json), expected));
  }
});
