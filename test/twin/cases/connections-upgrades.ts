import type { Area, Ask } from '../case.ts';
import type { ServerKind } from '../upstream/servers.ts';
import { HTTP1, HTTP2, NO_RETRY, protocol, tls, to } from './tls-yaml.ts';

const WEBSOCKET = 'upgrade_configs: [{ upgrade_type: websocket }]';
const ASKING = '[connection: Upgrade] [upgrade: websocket]';
const CONNECT = 'explicit_http_config: { http2_protocol_options: { allow_connect: true } }';

/** Connections that change their protocol, and bytes on them. */
export const connectionsUpgrades: Area = {
  area: 'connections: upgrades',
  ownUpstreams: true,
  cases: [
    upgraded('over HTTP/1.1', 'h1', `{ ${protocol(HTTP1)} }`, [
      { line: `GET /chat ${ASKING} -> 101`, answer: { status: 101 } },
      {
        line: `GET /chat ${ASKING} [sec-websocket-protocol: a] -> 101`,
        answer: { status: 101, headers: [['sec-websocket-protocol', 'a']] },
      },
      'GET / -> 200',
    ]),
    upgraded('over HTTP/1.1, and TLS', 'TLS, h1', `{ transport_socket: ${tls()}, ${protocol(HTTP1)} }`, [
      { line: `GET /chat ${ASKING} -> 101`, answer: { status: 101 } },
    ]),
    upgraded('over HTTP/1.1, that the server refuses', 'h1', `{ ${protocol(HTTP1)} }`, [
      { line: `GET /chat ${ASKING} -> 403`, answer: { status: 403 } },
    ]),
    upgraded('over HTTP/2', 'h2 with CONNECT', `{ ${protocol(CONNECT)} }`, [
      { line: `GET /chat ${ASKING} -> 101`, answer: { status: 101 } },
      'GET / -> 200',
    ]),
    upgraded('over HTTP/2, that the server refuses', 'h2 with CONNECT', `{ ${protocol(CONNECT)} }`, [
      { line: `GET /chat ${ASKING} -> 403`, answer: { status: 403 } },
    ]),
    upgraded('over HTTP/2 without allow_connect', 'h2 with CONNECT', `{ ${protocol(HTTP2)} }`, [
      { line: `GET /chat ${ASKING} -> 101`, answer: { status: 101 } },
    ]),
    upgraded('over HTTP/2 to a server that has none', 'h2', `{ ${protocol(CONNECT)} }`, [
      { line: `GET /chat ${ASKING} -> 502`, answer: { status: 101 } },
      'GET / -> 200',
    ]),
    upgraded('to nobody', 'hangs up', '{}', [`GET /chat ${ASKING} -> 503`]),
    {
      name: 'an upgrade that is reset before it is answered',
      manager: WEBSOCKET,
      clusters: { 'upgrade-reset': { listens: 'h2 with CONNECT', fields: `{ ${protocol(CONNECT)} }` } },
      routes: to('upgrade-reset'),
      requests: [{ line: `GET /chat ${ASKING} -> 503`, answer: { reset: 'before' } }],
    },
  ],
};

function upgraded(
  name: string,
  listens: ServerKind,
  fields: string,
  requests: readonly (string | Ask)[],
): Area['cases'][number] {
  const own = `upgrade-${name.replaceAll(/[^a-zA-Z0-9]+/g, '-')}`;
  return {
    name: `an upgrade ${name}`,
    manager: WEBSOCKET,
    clusters: {
      [own]: { listens, fields, uncounted: ['upstream_rq_tx_reset', 'upstream_cx_destroy_local_with_active_rq'] },
    },
    routes: to(own, NO_RETRY),
    requests,
  };
}
