import assert from 'node:assert/strict';
import { once as next } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createMesh, type Mesh } from 'inmesh';
import { request } from 'undici';
import { Envoy } from './support/envoy.ts';
import { host, to } from './support/feed.ts';
import { describeWithPeers } from './support/peers.ts';
import { freePorts } from './support/ports.ts';

type Json = Record<string, unknown>;

const FILTERS = 'type.googleapis.com/envoy.extensions.filters';
const SOCKETS = 'type.googleapis.com/envoy.extensions.transport_sockets';
const raw = { name: 'raw', typed_config: { '@type': `${SOCKETS}.raw_buffer.v3.RawBuffer` } };
const tls = { name: 'tls', typed_config: { '@type': `${SOCKETS}.tls.v3.UpstreamTlsContext`, sni: 'a.example' } };

/**
 * A server that writes down how connections begin, and answers the requests that it can read, stands where hosts and proxies
 * should be. Envoy and inmesh call it by the same clusters, whose transport sockets put something before the request: what it hears
 * must be the same.
 */
describeWithPeers(['envoy'], 'what stands before a request', () => {
  let recorder: Server;
  let heard: string[];
  let envoy: Envoy;
  let mesh: Mesh;
  let outbound: number;

  before(async () => {
    heard = [];
    recorder = createServer(serve).listen(0, '127.0.0.1');
    await next(recorder, 'listening');
    const address = recorder.address();
    assert.ok(address !== null && typeof address === 'object');
    const proxy = { socket_address: { address: '127.0.0.1', port_value: address.port } };
    const far = { socket_address: { address: '10.9.8.7', port_value: 8080 } };
    const by = (inner: Json, more: Json = {}) => ({
      name: 'p',
      typed_config: {
        '@type': `${SOCKETS}.http_11_proxy.v3.Http11ProxyUpstreamTransport`,
        transport_socket: inner,
        ...more,
      },
    });
    const told = (version: string) => ({
      name: 'p',
      typed_config: {
        '@type': `${SOCKETS}.proxy_protocol.v3.ProxyProtocolUpstreamTransport`,
        transport_socket: raw,
        config: { version },
      },
    });
    const metadata = {
      typed_filter_metadata: {
        'envoy.http11_proxy_transport_socket.proxy_address': {
          '@type': 'type.googleapis.com/envoy.config.core.v3.Address',
          ...proxy,
        },
      },
    };
    const clusters = [
      cluster('default-raw', { address: far }, by(raw, { default_proxy_address: proxy })),
      cluster('default-tls', { address: far }, by(tls, { default_proxy_address: proxy })),
      cluster('default-named', { address: far, hostname: 'a.example' }, by(tls, { default_proxy_address: proxy })),
      cluster('own-raw', { address: far }, by(raw), { metadata }),
      cluster('own-named', { address: far, hostname: 'a.example' }, by(raw), { metadata }),
      cluster('none', { address: proxy }, by(raw)),
      cluster('v1', { address: proxy }, told('V1')),
    ];
    const names = clusters.map(({ name }) => `${name}`);
    const [port = 0] = await freePorts(1);
    outbound = port;
    // A policy that never fits: without one, inmesh tries again what was certainly not sent.
    const once = { timeout: '2s', retry_policy: { retry_on: 'retriable-status-codes', num_retries: 1 } };
    const hcm = {
      '@type': `${FILTERS}.network.http_connection_manager.v3.HttpConnectionManager`,
      stat_prefix: 'outbound',
      generate_request_id: false,
      route_config: { virtual_hosts: names.map((name) => host(name, [name], [to(name, '/', once)])) },
      http_filters: [
        {
          name: 'router',
          typed_config: { '@type': `${FILTERS}.http.router.v3.Router`, suppress_envoy_headers: true },
        },
      ],
    };
    const listener = {
      name: 'outbound',
      address: { socket_address: { address: '127.0.0.1', port_value: port } },
      filter_chains: [{ filters: [{ name: 'hcm', typed_config: hcm }] }],
    };
    envoy = await Envoy.start({ node: 'client', staticResources: { listeners: [listener], clusters } });
    mesh = await createMesh({
      bootstrapConfig: JSON.stringify({
        node: { id: 'inmesh', cluster: 'peers' },
        static_resources: { listeners: [listener], clusters },
      }),
      env: {},
    });
  });
  after(async () => {
    mesh?.close();
    await envoy?.stop();
    recorder?.close();
  });

  function serve(socket: Socket): void {
    let rest = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      // The first byte of a TLS handshake: it goes no further.
      if (rest[0] === 0x16) {
        heard.push('TLS');
        socket.destroy();
        return;
      }
      const end = rest.indexOf('\r\n\r\n');
      if (end < 0) return;
      const head = rest.subarray(0, end).toString('latin1');
      rest = rest.subarray(end + 4);
      heard.push(beginning(head));
      socket.write(
        head.startsWith('CONNECT') ? 'HTTP/1.1 200 OK\r\n\r\n' : 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n',
      );
    });
  }

  async function call(side: 'Envoy' | 'inmesh', name: string): Promise<{ status: number; heard: string[] }> {
    heard = [];
    const headers = { host: name };
    const { statusCode, body } =
      side === 'inmesh'
        ? await request(`http://service:${outbound}/`, { headers, dispatcher: mesh.dispatcher })
        : await request(`http://127.0.0.1:${outbound}/`, { headers });
    await body.dump();
    return { status: statusCode, heard };
  }

  for (const [name, expected] of [
    ['default-raw', ['GET / HTTP/1.1']],
    ['default-tls', ['CONNECT 10.9.8.7:8080 HTTP/1.1|Host: 10.9.8.7:8080', 'TLS']],
    ['default-named', ['CONNECT a.example:8080 HTTP/1.1|Host: a.example:8080', 'TLS']],
    ['own-raw', ['CONNECT 10.9.8.7:8080 HTTP/1.1|Host: 10.9.8.7:8080', 'GET / HTTP/1.1']],
    ['own-named', ['CONNECT a.example:8080 HTTP/1.1|Host: a.example:8080', 'GET / HTTP/1.1']],
    ['none', ['GET / HTTP/1.1']],
    ['v1', ['PROXY TCP4 127.0.0.1 127.0.0.1 port port|GET / HTTP/1.1']],
  ] as const) {
    it(`${name}: ${expected.join(', then ')}`, async () => {
      const theirs = await call('Envoy', name);
      const ours = await call('inmesh', name);
      assert.deepEqual(ours, theirs);
      assert.deepEqual(ours.heard, expected);
    });
  }
});

/** Lines that the transport sockets write, and the first line of a request. */
function beginning(head: string): string {
  const lines = head.split('\r\n');
  if (head.startsWith('CONNECT')) return lines.join('|');
  const request = lines.findIndex((line) => line.startsWith('GET'));
  return lines
    .slice(0, request + 1)
    .join('|')
    .replace(/ \d+ \d+\|/, ' port port|');
}

function cluster(name: string, endpoint: Json, transport_socket: Json, more: Json = {}): Json {
  return {
    name,
    type: 'STATIC',
    connect_timeout: '2s',
    transport_socket,
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint, ...more }] }] },
  };
}
