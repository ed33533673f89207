import type { Area } from '../case.ts';
import type { ServerKind } from '../upstream/servers.ts';
import { AUTO, DOWNSTREAM, HTTP1, HTTP2, protocol, TRUSTED, tls, to } from './tls-yaml.ts';

const FEW = 'common_http_protocol_options: { max_requests_per_connection: 2 }';

/** Which HTTP is spoken: by the feed, and by what the server chooses of what it is offered. */
export const connectionsProtocol: Area = {
  area: 'connections: protocol',
  ownUpstreams: true,
  cases: [
    spoken('HTTP/1.1 that the feed says', 'TLS, h1 or h2', HTTP1),
    spoken('HTTP/1.1 to a server that has no ALPN', 'TLS, no ALPN', HTTP1),
    spoken('HTTP/1.1 to a server that has HTTP/2 alone', 'TLS, h2', HTTP1, '', 503),
    spoken('HTTP/2 that the feed says', 'TLS, h2 or h1', HTTP2),
    spoken('HTTP/2 to a server that would rather not', 'TLS, h1 or h2', HTTP2),
    spoken('HTTP/2 to a server that has HTTP/1.1 alone', 'TLS, h1', HTTP2, '', 503),
    spoken('HTTP/2 to a server that has no ALPN and speaks HTTP/1.1', 'TLS, no ALPN', HTTP2, '', 502),
    spoken('auto_config, and the server chooses HTTP/2', 'TLS, h2 or h1', AUTO),
    spoken('auto_config, and the server chooses HTTP/1.1', 'TLS, h1 or h2', AUTO),
    spoken('auto_config, and the server has HTTP/1.1 alone', 'TLS, h1', AUTO),
    spoken('auto_config, and the server has HTTP/2 alone', 'TLS, h2', AUTO),
    spoken('auto_config, and the server chooses nothing', 'TLS, no ALPN', AUTO),
    spoken('use_downstream_protocol_config, by a caller of HTTP/1.1', 'TLS, h2 or h1', DOWNSTREAM),
    spoken('a list of the feed: h2 alone, with HTTP/2', 'TLS, h2 or h1', HTTP2, 'alpn_protocols: [h2]'),
    spoken('a list of the feed: Istio’s, with HTTP/2', 'TLS, istio', HTTP2, 'alpn_protocols: [istio-h2, istio, h2]'),
    spoken('a list of the feed: istio alone, with HTTP/2', 'TLS, istio', HTTP2, 'alpn_protocols: [istio, h2]', 502),
    spoken(
      'a list of the feed: Istio’s, with HTTP/1.1',
      'TLS, istio',
      HTTP1,
      'alpn_protocols: [istio-http/1.1, istio, http/1.1]',
    ),
    spoken('a list of the feed, of which the server has none', 'TLS, h1', HTTP1, 'alpn_protocols: [istio]', 503),
    spoken('a list of the feed beside auto_config', 'TLS, h2 or h1', AUTO, 'alpn_protocols: [http/1.1]'),
    spoken('an older field of the feed: HTTP/2', 'TLS, h2', null),
    {
      name: 'HTTP/2 in the clear',
      clusters: { 'clear-h2': { listens: 'h2', fields: `{ ${protocol(HTTP2)} }` } },
      routes: to('clear-h2'),
      requests: ['GET / -> 200', 'POST / "x" -> 200', 'GET / -> 200'],
    },
    {
      name: 'HTTP/2 in the clear to a server of HTTP/1.1',
      clusters: { 'clear-h2-to-h1': { listens: 'h1', fields: `{ ${protocol(HTTP2)} }` } },
      routes: to('clear-h2-to-h1'),
      requests: ['GET / -> 502 x0'],
    },
    {
      name: 'HTTP/1.1 in the clear to a server of HTTP/2',
      clusters: { 'clear-h1-to-h2': { listens: 'h2', fields: `{ ${protocol(HTTP1)} }` } },
      routes: to('clear-h1-to-h2'),
      requests: ['GET / -> 502'],
    },
    {
      name: 'use_downstream_protocol_config in the clear, by a caller of HTTP/1.1',
      clusters: { 'clear-downstream': { listens: 'h1', fields: `{ ${protocol(DOWNSTREAM)} }` } },
      routes: to('clear-downstream'),
      requests: ['GET / -> 200'],
    },
    {
      name: 'auto_config in the clear is refused',
      clusters: { 'clear-auto': { listens: 'h1', fields: `{ ${protocol(AUTO)} }` } },
      routes: to('clear-auto'),
      requests: [],
      refused: 'clear-auto',
    },
    {
      name: 'max_requests_per_connection',
      clusters: {
        'few-requests-h1': { listens: 'h1', fields: `{ ${protocol(HTTP1, FEW)} }` },
        'few-requests-h2': { listens: 'h2', fields: `{ ${protocol(HTTP2, FEW)} }` },
      },
      routes: `
        - { match: { prefix: /h2 }, route: { cluster: few-requests-h2 } }
        - { match: { prefix: / }, route: { cluster: few-requests-h1 } }`,
      requests: [...Array(5).fill('GET / -> 200'), ...Array(5).fill('GET /h2 -> 200')],
    },
    {
      name: 'a server that ends its connections',
      clusters: { 'ends-connections': { listens: 'h1' } },
      routes: to('ends-connections'),
      requests: Array(3).fill({ line: 'GET / -> 200', answer: { headers: [['connection', 'close']] } }),
    },
    {
      name: 'limits that let nobody in',
      clusters: {
        'no-requests-let-in': { listens: 'h1', fields: '{ circuit_breakers: { thresholds: [{ max_requests: 0 }] } }' },
        'no-pending-let-in': {
          listens: 'h1',
          fields: '{ circuit_breakers: { thresholds: [{ max_pending_requests: 0 }] } }',
        },
        'no-pools-let-in': {
          listens: 'h1',
          fields: '{ circuit_breakers: { thresholds: [{ max_connection_pools: 0 }] } }',
        },
        'no-connections-let-in': {
          listens: 'h1',
          fields: '{ circuit_breakers: { thresholds: [{ max_connections: 0 }] } }',
        },
      },
      routes: `
        - { match: { prefix: /requests }, route: { cluster: no-requests-let-in } }
        - { match: { prefix: /pending }, route: { cluster: no-pending-let-in } }
        - { match: { prefix: /pools }, route: { cluster: no-pools-let-in } }
        - { match: { prefix: /connections }, route: { cluster: no-connections-let-in } }`,
      requests: [
        'GET /requests -> 503 UO',
        'GET /pending -> 503 UO',
        'GET /pools -> 503 UH',
        'GET /connections -> 200',
      ],
    },
  ],
};

function spoken(
  name: string,
  listens: ServerKind,
  choice: string | null,
  alpn = '',
  status = 200,
): Area['cases'][number] {
  const own = `spoken-${name.replaceAll(/[^a-zA-Z0-9]+/g, '-')}`;
  const common = alpn === '' ? TRUSTED : `${TRUSTED}, ${alpn}`;
  const protocols = choice === null ? 'http2_protocol_options: {}' : protocol(choice);
  const requests =
    status === 502 ? ['GET / -> 502'] : [`GET / -> ${status}`, `POST / "x" -> ${status}`, `GET / -> ${status}`];
  // Envoy counts such a connection twice.
  const uncounted = choice === AUTO ? ['upstream_cx_total'] : [];
  return {
    name,
    clusters: { [own]: { listens, uncounted, fields: `{ transport_socket: ${tls(common)}, ${protocols} }` } },
    routes: to(own),
    requests,
  };
}
