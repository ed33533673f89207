import type { Area } from '../case.ts';
import { CALLER, HTTP1, HTTP2, protocol, TRUSTED, tls, to, trusting } from './tls-yaml.ts';

const secured = (socket: string) => `{ transport_socket: ${socket} }`;

/** Which socket is a host's, and handshakes that come up or do not. */
export const connectionsTls: Area = {
  area: 'connections: TLS',
  ownUpstreams: true,
  cases: [
    {
      name: 'a server that is trusted, call after call on one connection',
      clusters: { 'tls-good': { listens: 'TLS, h1', fields: secured(tls()) } },
      routes: to('tls-good'),
      requests: ['GET / -> 200 tls-good', 'POST / "x" -> 200 tls-good', 'GET / -> 200 tls-good'],
    },
    {
      name: 'a server that wants to know who calls',
      clusters: {
        'tls-caller': { listens: 'TLS for callers', fields: secured(tls(`${TRUSTED}, ${CALLER}`)) },
        'tls-caller-12': { listens: 'TLS 1.2 for callers', fields: secured(tls(`${TRUSTED}, ${CALLER}`)) },
      },
      routes: `
        - { match: { prefix: /old }, route: { cluster: tls-caller-12 } }
        - { match: { prefix: / }, route: { cluster: tls-caller } }`,
      requests: ['GET / -> 200 tls-caller', 'GET /old -> 200 tls-caller-12'],
    },
    {
      name: 'a server that wants a certificate that we lack: TLS 1.2',
      clusters: { 'tls-nobody-12': { listens: 'TLS 1.2 for callers', fields: secured(tls()) } },
      routes: to('tls-nobody-12'),
      requests: ['GET / -> 503 UF x0'],
    },
    {
      // The client's handshake is over before the server judges: what fails is the call.
      name: 'a server that wants a certificate that we lack: TLS 1.3',
      clusters: { 'tls-nobody': { listens: 'TLS for callers', fields: secured(tls()) } },
      routes: to('tls-nobody'),
      requests: ['GET / -> 503 x0'],
    },
    {
      name: 'a server that speaks in the clear',
      clusters: { 'tls-to-plain': { listens: 'h1', fields: secured(tls()) } },
      routes: to('tls-to-plain'),
      requests: ['GET / -> 503 UF x0'],
    },
    {
      name: 'a call in the clear to a server that speaks TLS',
      clusters: { 'plain-to-tls': { listens: 'TLS, h1' } },
      routes: to('plain-to-tls'),
      requests: ['GET / -> 503 UC x0'],
    },
    {
      name: 'the certificate is of another authority',
      clusters: { 'tls-stranger': { listens: 'of a stranger', fields: secured(tls()) } },
      routes: to('tls-stranger'),
      requests: ['GET / -> 503 UF x0', 'GET / -> 503 UF x0'],
    },
    {
      name: 'another authority is trusted than the certificate’s',
      clusters: { 'tls-other-root': { listens: 'TLS, h1', fields: secured(tls(trusting('', 'stranger.pem'))) } },
      routes: to('tls-other-root'),
      requests: ['GET / -> 503 UF x0'],
    },
    {
      name: 'the certificate is expired',
      clusters: { 'tls-expired': { listens: 'expired', fields: secured(tls()) } },
      routes: to('tls-expired'),
      requests: ['GET / -> 503 UF x0'],
    },
    {
      name: 'the certificate is expired, where that is allowed',
      clusters: {
        'tls-expired-allowed': {
          listens: 'expired',
          fields: secured(tls(trusting('allow_expired_certificate: true'))),
        },
      },
      routes: to('tls-expired-allowed'),
      requests: ['GET / -> 200 tls-expired-allowed'],
    },
    {
      name: 'the certificate is for clients',
      clusters: { 'tls-usage': { listens: 'of a client', fields: secured(tls()) } },
      routes: to('tls-usage'),
      requests: ['GET / -> 503 UF x0'],
    },
    {
      name: 'no rules for the server: any certificate does',
      clusters: { 'tls-anybody': { listens: 'of a stranger', fields: secured(tls('')) } },
      routes: to('tls-anybody'),
      requests: ['GET / -> 200 tls-anybody'],
    },
    {
      name: 'no version in common, the server’s being older',
      clusters: {
        'tls-new': {
          listens: 'TLS 1.2 alone',
          fields: secured(
            tls(
              `${TRUSTED}, tls_params: { tls_minimum_protocol_version: TLSv1_3, tls_maximum_protocol_version: TLSv1_3 }`,
            ),
          ),
        },
      },
      routes: to('tls-new'),
      requests: ['GET / -> 503 UF x0'],
    },
    {
      name: 'no version in common, the server’s being newer, which the default of clients is not',
      clusters: {
        'tls-old': {
          listens: 'TLS 1.3 alone',
          fields: secured(tls(`${TRUSTED}, tls_params: { tls_maximum_protocol_version: TLSv1_2 }`)),
        },
        'tls-default': { listens: 'TLS 1.3 alone', fields: secured(tls()) },
      },
      routes: `
        - { match: { prefix: /default }, route: { cluster: tls-default, retry_policy: { retry_on: retriable-4xx } } }
        - { match: { prefix: / }, route: { cluster: tls-old, retry_policy: { retry_on: retriable-4xx } } }`,
      requests: ['GET / -> 503 UF x0', 'GET /default -> 503 UF x0'],
    },
    {
      name: 'a version that both have',
      clusters: {
        'tls-1-2': { listens: 'TLS 1.2 alone', fields: secured(tls()) },
        'tls-1-3': {
          listens: 'TLS 1.3 alone',
          fields: secured(tls(`${TRUSTED}, tls_params: { tls_maximum_protocol_version: TLSv1_3 }`)),
        },
      },
      routes: `
        - { match: { prefix: /new }, route: { cluster: tls-1-3 } }
        - { match: { prefix: / }, route: { cluster: tls-1-2 } }`,
      requests: ['GET / -> 200 tls-1-2', 'GET /new -> 200 tls-1-3'],
    },
    {
      name: 'a name that is wanted, and another one',
      clusters: {
        'tls-san': {
          listens: 'TLS, h1',
          fields: secured(
            tls(
              trusting(
                'match_typed_subject_alt_names: [{ san_type: URI, matcher: { prefix: "spiffe://servers.test/" } }]',
              ),
            ),
          ),
        },
        'tls-san-bad': {
          listens: 'TLS, h1',
          fields: secured(
            tls(
              trusting(
                'match_typed_subject_alt_names: [{ san_type: URI, matcher: { exact: "spiffe://servers.test/x" } }]',
              ),
            ),
          ),
        },
      },
      routes: `
        - { match: { prefix: /bad }, route: { cluster: tls-san-bad, retry_policy: { retry_on: retriable-4xx } } }
        - { match: { prefix: / }, route: { cluster: tls-san } }`,
      requests: ['GET / -> 200 tls-san', 'GET /bad -> 503 UF x0'],
    },
    {
      name: 'a handshake that fails is tried again as a connection that fails',
      clusters: { 'tls-retried': { listens: 'of a stranger', fields: secured(tls()) } },
      routes: to(
        'tls-retried',
        'retry_policy: { retry_on: connect-failure, num_retries: 2, retry_back_off: { base_interval: 0.001s, max_interval: 0.001s } }',
      ),
      requests: ['GET / -> 503 URX,UF x0'],
    },
    ...(['hangs up', 'resets'] as const).map((listens) => ({
      name: `the server ${listens} in the middle of the handshake`,
      clusters: { [`tls-${listens.replace(' ', '-')}`]: { listens, fields: secured(tls()) } },
      routes: to(`tls-${listens.replace(' ', '-')}`),
      requests: ['GET / -> 503 UF x0'],
    })),
    {
      name: 'the server falls silent in the middle of the handshake',
      clusters: {
        'tls-silent': { listens: 'falls silent', fields: `{ transport_socket: ${tls()}, connect_timeout: 0.3s }` },
      },
      routes: to('tls-silent'),
      requests: ['GET / -> 503 UF x0'],
    },
    {
      name: 'the server hangs up in the clear',
      clusters: { 'plain-hangs-up': { listens: 'hangs up' } },
      routes: to('plain-hangs-up'),
      requests: ['GET / -> 503 x0'],
    },
    {
      name: 'a raw_buffer that the feed names',
      clusters: {
        'raw-buffer': {
          listens: 'h1',
          fields: secured(
            "{ name: raw, typed_config: { '@type': type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer } }",
          ),
        },
      },
      routes: to('raw-buffer'),
      requests: ['GET / -> 200 raw-buffer'],
    },
    {
      name: 'HTTP/2 over TLS, where certificates do not hold',
      clusters: {
        'tls-h2-stranger': { listens: 'of a stranger', fields: `{ transport_socket: ${tls()}, ${protocol(HTTP2)} }` },
        'tls-h1-explicit': { listens: 'TLS, h1', fields: `{ transport_socket: ${tls()}, ${protocol(HTTP1)} }` },
      },
      routes: `
        - { match: { prefix: /one }, route: { cluster: tls-h1-explicit } }
        - { match: { prefix: / }, route: { cluster: tls-h2-stranger, retry_policy: { retry_on: retriable-4xx } } }`,
      requests: ['GET / -> 503 UF x0', 'GET /one -> 200 tls-h1-explicit'],
    },
  ],
};
