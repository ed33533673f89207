import type { Area } from '../case.ts';
import { tls, to } from './tls-yaml.ts';

/** Which transport socket is a host's. */
export const connectionsSockets: Area = {
  area: 'connections: sockets',
  ownUpstreams: true,
  cases: matches(),
};

/** Sockets by the metadata of hosts: what is chosen shows in whether the server understands it. */
function matches(): Area['cases'] {
  const raw =
    "{ name: raw, typed_config: { '@type': type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer } }";
  const match = (name: string, criteria: string, socket: string) =>
    `{ name: ${name}, match: { ${criteria} }, transport_socket: ${socket} }`;
  const host = (said: string) => `metadata: { filter_metadata: { envoy.transport_socket_match: { ${said} } } }`;
  const istio = [match('tlsMode-istio', 'tlsMode: istio', tls()), match('tlsMode-disabled', '', raw)].join(', ');
  const one = (name: string, listens: 'TLS, h1' | 'h1', fields: string, endpoint: string) => ({
    name: `transport_socket_matches: ${name}`,
    clusters: {
      [`match-${name.replaceAll(/[^a-z0-9]+/g, '-')}`]: {
        listens,
        fields: `{ ${fields} }`,
        endpoint: `{ ${endpoint} }`,
      },
    },
    routes: to(`match-${name.replaceAll(/[^a-z0-9]+/g, '-')}`),
    requests: ['GET / -> 200'],
  });
  const several = `a: b, c: '1'`;
  return [
    one('criteria that are met', 'TLS, h1', `transport_socket_matches: [${istio}]`, host('tlsMode: istio')),
    one('criteria that are not met', 'h1', `transport_socket_matches: [${istio}]`, host('tlsMode: other')),
    one('a host that says nothing', 'h1', `transport_socket_matches: [${istio}]`, ''),
    one(
      'none is met: the socket of the cluster',
      'TLS, h1',
      `transport_socket: ${tls()}, transport_socket_matches: [${match('m', 'a: b', raw)}]`,
      host('a: c'),
    ),
    one(
      'none is met, and the cluster has none',
      'h1',
      `transport_socket_matches: [${match('m', 'a: b', tls())}]`,
      host('a: c'),
    ),
    one(
      'the first of two that are met',
      'TLS, h1',
      `transport_socket_matches: [${match('m', 'a: b', tls())}, ${match('n', 'a: b', raw)}]`,
      host('a: b'),
    ),
    one(
      'all of several keys',
      'TLS, h1',
      `transport_socket_matches: [${match('m', several, tls())}]`,
      host(`${several}, d: e`),
    ),
    one(
      'one of several keys is not enough',
      'h1',
      `transport_socket_matches: [${match('m', several, tls())}]`,
      host('a: b'),
    ),
    one('a number is no text', 'h1', `transport_socket_matches: [${match('m', "a: '1'", tls())}]`, host('a: 1')),
    one('true is true', 'TLS, h1', `transport_socket_matches: [${match('m', 'a: true', tls())}]`, host('a: true')),
    one(
      'an object, whole',
      'TLS, h1',
      `transport_socket_matches: [${match('m', 'a: { b: c }', tls())}]`,
      host('a: { b: c }'),
    ),
    one(
      'a part of an object',
      'h1',
      `transport_socket_matches: [${match('m', 'a: { b: c }', tls())}]`,
      host('a: { b: c, d: e }'),
    ),
    one(
      'an empty one fits every host',
      'TLS, h1',
      `transport_socket_matches: [{ name: m, transport_socket: ${tls()} }]`,
      '',
    ),
    one(
      'another namespace says nothing',
      'h1',
      `transport_socket_matches: [${istio}]`,
      'metadata: { filter_metadata: { istio: { tlsMode: istio } } }',
    ),
  ];
}
