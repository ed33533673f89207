import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { type JsonObject, toBinary } from '@bufbuild/protobuf';
import { fromJson, messageType } from '@inmesh/api';
import type { ExtensionConfigSource } from '@inmesh/api/gen/envoy/config/core/v3/config_source_pb';
import { isMeshError, type Kind, type Model } from '@inmesh/core';
import { kinds } from '../kinds.ts';
import { decodeConfigDiscovery } from './extension-config.ts';
import { resourceTypes } from './resource-types.ts';

const types = resourceTypes();
const context = { nodeId: 'node-1', controlPlane: 'xds.test:1', profile: 'envoy' } as const;
const text = new TextDecoder();

function decode<K extends Kind>(kind: K, json: JsonObject): Model[K] {
  const type = messageType(kinds[kind].typeName);
  return types[kind].decode(toBinary(type, fromJson(type, json)), context).value as Model[K];
}

function problemOf(kind: Kind, json: JsonObject): string {
  try {
    decode(kind, json);
  } catch (error) {
    assert.ok(isMeshError(error) && error.code === 'invalid_config', `${error}`);
    return error.message;
  }
  return assert.fail('it was accepted');
}

describe('secrets', () => {
  it('have a certificate inline, in files or in variables', () => {
    const secret = decode('secret', {
      name: 'default',
      tls_certificate: {
        certificate_chain: { filename: '/etc/certs/chain.pem', watched_directory: { path: '/etc/certs' } },
        private_key: { inline_bytes: Buffer.from('hush').toString('base64') },
        password: { environment_variable: 'KEY_PASSWORD' },
        ocsp_staple: { inline_string: 'staple' },
        watched_directory: { path: '/etc' },
      },
    });
    assert.ok(secret.kind === 'tls_certificate');
    const { certificateChain, privateKey, password, ocspStaple, watchedDirectory } = secret.certificate;
    assert.deepEqual(certificateChain, {
      kind: 'file',
      path: '/etc/certs/chain.pem',
      watchedDirectory: '/etc/certs',
    });
    assert.ok(privateKey?.kind === 'inline');
    assert.equal(text.decode(privateKey.bytes.reveal()), 'hush');
    assert.deepEqual(password, { kind: 'environment', variable: 'KEY_PASSWORD' });
    assert.ok(ocspStaple?.kind === 'inline');
    assert.equal(text.decode(ocspStaple.bytes), 'staple');
    assert.equal(watchedDirectory, '/etc');
  });

  it('do not show themselves', () => {
    const secret = decode('secret', {
      name: 'default',
      tls_certificate: { private_key: { inline_string: 'hush-hush' }, certificate_chain: { filename: 'x' } },
    });
    const shown = [JSON.stringify(secret), inspect(secret, { depth: 9, showHidden: true }), `${Object.values(secret)}`];
    for (const each of shown) {
      assert.doesNotMatch(each, /hush/);
      assert.ok(!each.includes([...Buffer.from('hush-hush')].join(',')));
    }
  });

  it('say whom to trust, with every condition', () => {
    const secret = decode('secret', {
      name: 'ROOTCA',
      validation_context: {
        trusted_ca: { filename: '/roots.pem' },
        watched_directory: { path: '/' },
        verify_certificate_spki: ['NvqYIYSbgK2vCJpQhObf77vv+bQWtc5ek5RIOwPiC9A='],
        verify_certificate_hash: ['df6ff72fe9116521268f6f2dd4966f51df479883fe7037b39f75916ac3049d1a'],
        match_typed_subject_alt_names: [
          { san_type: 'URI', matcher: { prefix: 'spiffe://mesh/' } },
          { san_type: 'DNS', matcher: { exact: 'Api', ignore_case: true } },
          { san_type: 'OTHER_NAME', oid: '1.3.6.1', matcher: { safe_regex: { regex: 'a+' } } },
        ],
        require_signed_certificate_timestamp: false,
        crl: { inline_string: 'crl' },
        only_verify_leaf_cert_crl: true,
        allow_expired_certificate: true,
        trust_chain_verification: 'ACCEPT_UNTRUSTED',
        max_verify_depth: 3,
        suppress_client_ca_list: true,
        custom_validator_config: {
          name: 'envoy.tls.cert_validator.spiffe',
          typed_config: {
            '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig',
            trust_domains: [{ name: 'mesh', trust_bundle: { filename: '/bundle.pem' } }],
          },
        },
      },
    });
    assert.ok(secret.kind === 'validation_context');
    const { crl, customValidator, ...rest } = secret.validation;
    assert.equal(crl?.kind, 'inline');
    assert.equal(customValidator?.typeName, 'envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig');
    assert.ok(customValidator.message !== null && customValidator.message.length > 10);
    assert.deepEqual(rest, {
      trustedCa: { kind: 'file', path: '/roots.pem', watchedDirectory: null },
      caCertificateProvider: null,
      systemRootCerts: false,
      watchedDirectory: '/',
      verifyCertificateSpki: ['NvqYIYSbgK2vCJpQhObf77vv+bQWtc5ek5RIOwPiC9A='],
      verifyCertificateHash: ['df6ff72fe9116521268f6f2dd4966f51df479883fe7037b39f75916ac3049d1a'],
      subjectAltNames: [
        { sanType: 'uri', oid: '', match: 'prefix', value: 'spiffe://mesh/', ignoreCase: false },
        { sanType: 'dns', oid: '', match: 'exact', value: 'Api', ignoreCase: true },
        { sanType: 'other_name', oid: '1.3.6.1', match: 'safe_regex', value: 'a+', ignoreCase: false },
      ],
      requireSignedCertificateTimestamp: false,
      onlyVerifyLeafCertCrl: true,
      allowExpiredCertificate: true,
      acceptUntrusted: true,
      maxVerifyDepth: 3,
      suppressClientCaList: true,
    });
  });

  it('take the older list of names as names of any kind, and refuse both lists together', () => {
    const old = { match_subject_alt_names: [{ exact: 'spiffe://mesh/ns/a/sa/b' }] };
    const secret = decode('secret', { name: 'r', validation_context: old });
    assert.ok(secret.kind === 'validation_context');
    assert.deepEqual(secret.validation.subjectAltNames, [
      { sanType: null, oid: '', match: 'exact', value: 'spiffe://mesh/ns/a/sa/b', ignoreCase: false },
    ]);
    const typed = { match_typed_subject_alt_names: [{ san_type: 'DNS', matcher: { exact: 'a' } }] };
    assert.match(problemOf('secret', { name: 'r', validation_context: { ...old, ...typed } }), /is not allowed/);
  });

  it('hold ticket keys and what filters ask for by name', () => {
    const keys = decode('secret', {
      name: 'tickets',
      session_ticket_keys: { keys: [{ filename: '/a' }, { filename: '/b' }] },
    });
    assert.ok(keys.kind === 'session_ticket_keys');
    assert.deepEqual(
      keys.keys.map((each) => each.kind === 'file' && each.path),
      ['/a', '/b'],
    );
    const generic = decode('secret', {
      name: 'hmac',
      generic_secret: { secret: { inline_string: 'x' }, secrets: { other: { filename: '/c' } } },
    });
    assert.ok(generic.kind === 'generic_secret' && generic.secret?.kind === 'inline');
    assert.equal(text.decode(generic.secret.bytes.reveal()), 'x');
    assert.deepEqual(generic.secrets, { other: { kind: 'file', path: '/c', watchedDirectory: null } });
  });

  it('are refused where they hold nothing, or what cannot be checked', () => {
    assert.match(problemOf('secret', { name: 'none' }), /Secret "none": it holds no secret/);
    assert.match(problemOf('secret', { name: 's', session_ticket_keys: {} }), /session_ticket_keys\.keys/);
    const both = { pkcs12: { filename: '/p12' }, private_key: { filename: '/k' } };
    assert.match(problemOf('secret', { name: 's', tls_certificate: both }), /tls_certificate\.pkcs12: it cannot stand/);
    const source = { trusted_ca: {} };
    assert.match(problemOf('secret', { name: 's', validation_context: source }), /trusted_ca/);
  });
});

describe('extension configurations', () => {
  const buffer = 'type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer';

  it('come as messages, or as structs of types that the API does not have', () => {
    const packed = decode('extensionConfig', {
      name: 'a',
      typed_config: { '@type': buffer, max_request_bytes: 7 },
    });
    assert.deepEqual(packed, {
      name: 'a',
      typeName: 'envoy.extensions.filters.http.buffer.v3.Buffer',
      message: new Uint8Array([10, 2, 8, 7]),
      struct: null,
    });
    const struct = {
      '@type': 'type.googleapis.com/xds.type.v3.TypedStruct',
      type_url: 'type.googleapis.com/example.Own',
      value: { limit: 5 },
    };
    assert.deepEqual(decode('extensionConfig', { name: 'b', typed_config: struct }), {
      name: 'b',
      typeName: 'example.Own',
      message: null,
      struct: { limit: 5 },
    });
  });

  it('need a configuration', () => {
    assert.match(problemOf('extensionConfig', { name: 'a' }), /typed_config: value is required/);
  });

  it('are refused where they are for a filter that can make no sense of them', () => {
    const HTTP = 'type.googleapis.com/envoy.extensions.filters.http.';
    const fault = { '@type': `${HTTP}fault.v3.HTTPFault`, abort: { http_status: 42 } };
    assert.match(problemOf('extensionConfig', { name: 'a', typed_config: fault }), /typed_config\.abort\.http_status/);
  });
});

describe('config_discovery', () => {
  const typeUrl = 'type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer';
  const ads = { config_source: { ads: {} }, type_urls: [typeUrl] };
  const read = (json: JsonObject) => {
    const type = messageType<ExtensionConfigSource>('envoy.config.core.v3.ExtensionConfigSource');
    return decodeConfigDiscovery('limit', fromJson(type, json), 'http_filters[0].config_discovery');
  };

  it('names the resource, the types that may come and the default', () => {
    assert.deepEqual(read(ads), {
      name: 'limit',
      defaultConfig: null,
      applyDefaultConfigWithoutWarming: false,
      typeNames: ['envoy.extensions.filters.http.buffer.v3.Buffer'],
    });
    const found = read({
      ...ads,
      default_config: { '@type': typeUrl, max_request_bytes: 7 },
      apply_default_config_without_warming: true,
    });
    assert.deepEqual(found.defaultConfig?.message, new Uint8Array([10, 2, 8, 7]));
    assert.equal(found.applyDefaultConfigWithoutWarming, true);
  });

  it('is refused with another source, a default of another type, or no default where it is to serve at once', () => {
    const place = 'http_filters[0].config_discovery';
    const file = { path_config_source: { path: '/x' } };
    assert.throws(() => read({ ...ads, config_source: file }), { field: `${place}.config_source` });
    const router = { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' };
    assert.throws(() => read({ ...ads, default_config: router }), { field: `${place}.default_config` });
    assert.throws(() => read({ ...ads, apply_default_config_without_warming: true }), {
      field: `${place}.apply_default_config_without_warming`,
    });
  });
});

describe('runtime layers', () => {
  it('are flat, with shares kept whole', () => {
    const { name, values } = decode('runtime', {
      name: 'rtds',
      layer: { a: { b: 5, c: { d: 'x' } }, share: { numerator: 3, denominator: 'MILLION' } },
    });
    assert.equal(name, 'rtds');
    assert.deepEqual([...values.keys()], ['a.b', 'a.c.d', 'share']);
    assert.deepEqual(values.get('share')?.percent, { numerator: 3, denominator: 1_000_000 });
  });

  it('are refused for a list or null, in the words of Envoy', () => {
    for (const value of [[1], null]) {
      assert.match(
        problemOf('runtime', { name: 'r', layer: { a: { b: value } } }),
        /layer: Invalid runtime entry value for a\.b/,
      );
    }
  });
});
