import assert from 'node:assert/strict';
import type { Call } from '../call.ts';
import type { Metadata } from '../model/endpoint.ts';
import type {
  TransportConfig,
  TransportSocketConfig,
  TransportSocketMatch,
  UpstreamTlsContext,
} from '../model/transport-socket.ts';
import { HTTP1_UPSTREAM, type UpstreamProtocol } from '../model/upstream-protocol.ts';
import { type CallOptions, makeCall } from '../testing/caller.ts';
import { clusterConfig, host } from '../testing/models.ts';
import { compileKeys } from './compile-keys.ts';
import { PLAIN_KEY } from './connection-key.ts';
import { Endpoint } from './endpoint.ts';

const RAW: TransportSocketConfig = { kind: 'raw_buffer' };
const CONTEXT: UpstreamTlsContext = {
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
};
const tls = (context: Partial<UpstreamTlsContext> = {}): TransportSocketConfig => ({
  kind: 'tls',
  context: { ...CONTEXT, ...context },
});

interface Scene {
  readonly transport?: TransportConfig;
  readonly socket?: TransportSocketConfig;
  readonly protocol?: Partial<UpstreamProtocol>;
}

function scene({ transport, socket = RAW, protocol = {} }: Scene) {
  const keyOf = compileKeys({
    ...clusterConfig(),
    transport: transport ?? { socket, matches: [] },
    protocol: { ...HTTP1_UPSTREAM, ...protocol },
  });
  return (call: Call | CallOptions = {}, endpoint = endpointWith()) =>
    keyOf(endpoint, 'head' in call ? call : makeCall(call));
}

function endpointWith({
  metadata = {},
  hostname = '',
  locality = null as Metadata | null,
}: {
  readonly metadata?: Metadata;
  readonly hostname?: string;
  readonly locality?: Metadata | null;
} = {}): Endpoint {
  const endpoint = new Endpoint({ ...host(1), metadata, hostname }, { region: '', zone: '', subZone: '' }, 0);
  endpoint.localityMetadata = locality;
  return endpoint;
}

const said = (fields: Metadata[string]): Metadata => ({ 'envoy.transport_socket_match': fields });

describe('the key of a connection', () => {
  it('is one and the same for all calls in the clear', () => {
    const key = scene({});
    assert.equal(key(), PLAIN_KEY);
    assert.equal(key({ authority: 'other', path: '/x' }), PLAIN_KEY);
    const names = scene({ protocol: { autoSni: true, autoSanValidation: true } });
    assert.equal(names({ authority: 'other' }), PLAIN_KEY);
  });

  it('has the protocol of the cluster, or of the caller', () => {
    for (const socket of [RAW, tls()]) {
      assert.equal(scene({ socket, protocol: { choice: 'http2' } })().protocol, 'http2');
      const key = scene({ socket, protocol: { choice: 'downstream' } });
      assert.deepEqual([key().protocol, key({ protocol: 'http2' }).protocol], ['http1', 'http2']);
      assert.notEqual(key().id, key({ protocol: 'http2' }).id);
    }
    assert.equal(scene({ socket: tls(), protocol: { choice: 'auto' } })().protocol, 'auto');
  });

  it('is made once', () => {
    const key = scene({
      socket: tls({ autoHostSni: true }),
      protocol: { choice: 'downstream', autoSni: true, overrideAutoSniHeader: 'x-name' },
    });
    const alpn = ['istio-h2', 'h2'];
    const call = (protocol: 'http1' | 'http2', authority: string) => {
      const made = makeCall({ protocol, authority });
      made.alpn = alpn;
      return made;
    };
    assert.equal(key(call('http1', 'a.test')), key(call('http1', 'a.test')));
    assert.notEqual(key(call('http1', 'a.test')), key(call('http1', 'b.test')));
    assert.notEqual(key(call('http1', 'a.test')), key(call('http2', 'a.test')));
    for (let i = 0; i < 5_000; i++) key(call('http1', `${i}.test`));
    assert.deepEqual(key(call('http1', 'a.test')), key(call('http1', 'a.test')));
  });

  it('is forgotten with lists that listeners of the past have brought', () => {
    const key = scene({ socket: tls() });
    const withList = (list: readonly string[]) => {
      const call = makeCall({});
      call.alpn = list;
      return key(call);
    };
    const first = ['h2'];
    const made = withList(first);
    assert.equal(withList(first), made);
    for (let i = 0; i < 16; i++) withList(['h2']);
    assert.notEqual(withList(first), made);
    assert.equal(withList(first).id, made.id, 'it fits the same connections');
  });

  it('offers by ALPN what the call says', () => {
    const key = scene({ socket: tls() });
    const call = makeCall();
    call.alpn = ['istio', 'http/1.1'];
    assert.equal(key().alpn, null);
    assert.equal(key(call).alpn, call.alpn);
    assert.notEqual(key(call).id, key().id);
    assert.equal(scene({})(call), PLAIN_KEY);
  });
});

describe('the socket of a connection', () => {
  const istio = { name: 'tlsMode-istio', criteria: { tlsMode: 'istio' }, socket: tls({ sni: 'istio' }) };
  const nested = {
    name: 'nested',
    criteria: { list: [1, { a: null }], on: true },
    socket: tls({ sni: 'nested' }),
  };
  const socketOf = (
    metadata: Metadata,
    locality: Metadata | null = null,
    matches: readonly TransportSocketMatch[] = [istio, nested],
  ) => {
    const { socket } = scene({ transport: { socket: RAW, matches } })({}, endpointWith({ metadata, locality }));
    return socket.kind === 'tls' ? socket.context.sni : socket.kind;
  };

  it('is the first one whose criteria the host meets', () => {
    assert.equal(socketOf(said({ tlsMode: 'istio' })), 'istio');
    assert.equal(socketOf(said({ tlsMode: 'istio', other: 1 })), 'istio');
    assert.equal(socketOf(said({ list: [1, { a: null }], on: true, tlsMode: 'istio' })), 'istio');
    assert.equal(socketOf(said({ list: [1, { a: null }], on: true })), 'nested');
  });

  it('is the cluster’s own where none fits', () => {
    assert.equal(socketOf({}), 'raw_buffer');
    assert.equal(socketOf({ other: { tlsMode: 'istio' } }), 'raw_buffer');
    assert.equal(socketOf(said({ tlsMode: 'disabled' })), 'raw_buffer');
    assert.equal(socketOf(said({ tlsMode: ['istio'] })), 'raw_buffer');
    for (const list of [[1], [1, {}], { 0: 1, 1: { a: null } }, [1, { b: null }]]) {
      assert.equal(socketOf(said({ list, on: true })), 'raw_buffer', JSON.stringify(list));
    }
  });

  it('is that of the locality where the host’s own metadata fits none', () => {
    assert.equal(socketOf({}, said({ tlsMode: 'istio' })), 'istio');
    assert.equal(socketOf(said({ list: [1, { a: null }], on: true }), said({ tlsMode: 'istio' })), 'nested');
  });

  it('fits every host without criteria', () => {
    const any = { name: 'any', criteria: {}, socket: tls({ sni: 'any' }) };
    assert.equal(socketOf({}, null, [istio, any]), 'any');
    assert.equal(socketOf(said({ tlsMode: 'istio' }), null, [istio, any]), 'istio');
  });

  it('is never asked for what the prototype of objects has', () => {
    const odd = { name: 'odd', criteria: { constructor: 'x' }, socket: tls() };
    assert.equal(socketOf(said({}), null, [odd]), 'raw_buffer');
  });

  it('gives keys that differ, also where sockets are equal', () => {
    const one = { name: 'one', criteria: { v: 1 }, socket: RAW };
    const key = scene({ transport: { socket: RAW, matches: [one] } });
    assert.equal(key(), PLAIN_KEY);
    assert.notEqual(key({}, endpointWith({ metadata: said({ v: 1 }) })).id, PLAIN_KEY.id);
  });
});

describe('the server name of a connection', () => {
  const sniOf = (
    socket: TransportSocketConfig,
    protocol: Partial<UpstreamProtocol>,
    call: CallOptions,
    hostname = '',
  ) => scene({ socket, protocol })(call, endpointWith({ hostname })).sni;

  it('is the configuration’s where nothing else is asked for', () => {
    assert.equal(sniOf(tls({ sni: 'a' }), {}, { authority: 'b' }, 'c'), null);
  });

  it('is that of the host', () => {
    assert.equal(sniOf(tls({ sni: 'a', autoHostSni: true }), {}, { authority: 'b' }, 'c'), 'c');
    assert.equal(sniOf(tls({ sni: 'a', autoHostSni: true }), {}, { authority: 'b' }, ''), null);
  });

  it('is that of the request, before all others', () => {
    const protocol = { autoSni: true };
    const socket = tls({ sni: 'a', autoHostSni: true });
    assert.equal(sniOf(socket, protocol, { authority: 'B.test:80' }, 'c'), 'B.test');
    assert.equal(sniOf(socket, protocol, { authority: '127.0.0.1:80' }, 'c'), 'c');
    assert.equal(sniOf(socket, protocol, { authority: '[::1]:80' }), null);
    assert.equal(sniOf(tls({ sni: '10.0.0.1' }), {}, {}), '');
  });

  it('is in a header, where the feed says so and the request has it', () => {
    const protocol = { autoSni: true, overrideAutoSniHeader: 'x-name' };
    const of = (headers: readonly string[]) => sniOf(tls(), protocol, { authority: 'b', headers });
    assert.equal(of(['X-Name', 'd.test:443']), 'd.test');
    assert.equal(of(['X-Name', '']), 'b');
    assert.equal(of([]), 'b');
  });

  it('is that of the route, not the one that a chosen host has put in its place', () => {
    const call = makeCall({ authority: 'host.test' });
    call.routedAuthority = 'route.test:80';
    assert.equal(scene({ socket: tls(), protocol: { autoSni: true } })(call).sni, 'route.test');
  });

  it('makes a connection impossible where TLS cannot tell it', () => {
    const key = scene({ socket: tls(), protocol: { autoSni: true } });
    assert.equal(key({ authority: 'a'.repeat(255) }).socket.kind, 'tls');
    assert.equal(key({ authority: 'a'.repeat(256) }).socket.kind, 'unsupported');
  });
});

describe('the names that a certificate must have', () => {
  const expectedOf = (context: Partial<UpstreamTlsContext>, protocol: Partial<UpstreamProtocol>, authority: string) =>
    scene({ socket: tls(context), protocol })({ authority }).expected;

  it('are none beyond the feed’s matchers by default', () => {
    assert.equal(expectedOf({ sni: 'a' }, { autoSni: true }, 'b'), null);
  });

  it('are those that the call is for, beside the matchers', () => {
    const protocol = { autoSanValidation: true };
    assert.deepEqual(expectedOf({}, protocol, 'b.test:80'), { rule: 'also', names: ['b.test'] });
    assert.deepEqual(expectedOf({}, protocol, '127.0.0.1:80'), { rule: 'also', names: ['127.0.0.1'] });
    assert.deepEqual(expectedOf({ autoSniSanValidation: true }, protocol, '[::1]'), { rule: 'also', names: ['::1'] });
  });

  it('are those that the server was told, instead of the matchers', () => {
    const context = { sni: 'a', autoSniSanValidation: true };
    assert.deepEqual(expectedOf(context, {}, 'b'), { rule: 'instead', names: ['a'] });
    assert.deepEqual(expectedOf(context, { autoSni: true }, 'b'), { rule: 'instead', names: ['b'] });
    assert.equal(expectedOf({ autoSniSanValidation: true }, {}, 'b'), null);
  });

  it('hold for TLS inside of other sockets', () => {
    const socket: TransportSocketConfig = {
      kind: 'http_11_proxy',
      inner: { kind: 'upstream_proxy_protocol', version: 'v1', tlvs: [], inner: tls() },
      defaultProxy: null,
    };
    assert.equal(scene({ socket, protocol: { autoSni: true } })({ authority: 'b' }).sni, 'b');
  });
});
