import type { Area, CaseCluster } from '../case.ts';
import { HTTP1, HTTP2, NO_RETRY, protocol, TRUSTED, tls, to, trusting } from './tls-yaml.ts';

const upstream = (fields: string) => `upstream_http_protocol_options: { ${fields} }`;

/** Server names that are told: recorders note them. */
export const connectionsNames: Area = {
  area: 'connections: names',
  ownUpstreams: true,
  cases: [
    named('no server name', { fields: `{ transport_socket: ${tls()} }` }, ['GET / -> 200', 'GET other/ -> 200']),
    named('sni', { fields: `{ transport_socket: ${tls(TRUSTED, 'sni: name.test')} }` }, [
      'GET / -> 200',
      'GET other/ -> 200',
    ]),
    named(
      'auto_host_sni: the host name',
      {
        fields: `{ transport_socket: ${tls(TRUSTED, 'sni: name.test, auto_host_sni: true')} }`,
        endpoint: '{ endpoint: { hostname: host.test } }',
      },
      ['GET / -> 200'],
    ),
    named(
      'auto_host_sni: no host name',
      { fields: `{ transport_socket: ${tls(TRUSTED, 'sni: name.test, auto_host_sni: true')} }` },
      ['GET / -> 200'],
    ),
    named(
      'auto_sni',
      {
        fields: `{ transport_socket: ${tls(TRUSTED, 'sni: name.test')}, ${protocol(HTTP1, upstream('auto_sni: true'))} }`,
      },
      [
        'GET / -> 200',
        'GET other.test:8080/ -> 200',
        'GET 10.0.0.1/ -> 200',
        'GET [::1]:80/ -> 200',
        'GET other.test/ -> 200',
      ],
    ),
    named(
      'auto_sni, over HTTP/2',
      {
        listens: 'TLS, h2',
        fields: `{ transport_socket: ${tls()}, ${protocol(HTTP2, upstream('auto_sni: true'))} }`,
      },
      ['GET one.test/ -> 200', 'GET two.test/ -> 200', 'GET one.test/ -> 200'],
    ),
    named(
      'auto_sni and auto_host_sni',
      {
        fields: `{ transport_socket: ${tls(TRUSTED, 'auto_host_sni: true')}, ${protocol(HTTP1, upstream('auto_sni: true'))} }`,
        endpoint: '{ endpoint: { hostname: host.test } }',
      },
      ['GET called.test/ -> 200'],
    ),
    named(
      'override_auto_sni_header',
      {
        fields: `{ transport_socket: ${tls()}, ${protocol(HTTP1, upstream('auto_sni: true, override_auto_sni_header: x-name'))} }`,
      },
      [
        'GET a.test/ [x-name: b.test] -> 200',
        'GET a.test/ [x-name: b.test:443] -> 200',
        'GET a.test/ -> 200',
        'GET a.test/ [x-name:] -> 200',
      ],
    ),
    {
      name: 'auto_sni, and a host that the route rewrites',
      clusters: {
        'name-rewritten': {
          listens: 'TLS, h1',
          fields: `{ transport_socket: ${tls()}, ${protocol(HTTP1, upstream('auto_sni: true'))} }`,
        },
      },
      routes: to('name-rewritten', `host_rewrite_literal: written.test, ${NO_RETRY}`),
      requests: ['GET called.test/ -> 200'],
    },
    {
      name: 'auto_sni, and a host that is the endpoint’s',
      clusters: {
        'name-auto-host': {
          listens: 'TLS, h1',
          fields: `{ transport_socket: ${tls()}, ${protocol(HTTP1, upstream('auto_sni: true'))} }`,
          endpoint: '{ endpoint: { hostname: host.test } }',
        },
      },
      routes: to('name-auto-host', `auto_host_rewrite: true, ${NO_RETRY}`),
      requests: ['GET called.test/ -> 200'],
    },
    named(
      'auto_san_validation',
      {
        fields: `{ transport_socket: ${tls()}, ${protocol(HTTP1, upstream('auto_sni: true, auto_san_validation: true'))} }`,
      },
      [
        'GET server.test/ -> 200',
        'GET other.test/ -> 503 UF x0',
        'GET any.wild.test/ -> 200',
        'GET wild.test/ -> 503 UF x0',
        'GET a.b.wild.test/ -> 503 UF x0',
        'GET server.test:81/ -> 200',
        'GET 10.0.0.1/ -> 503 UF x0',
        'GET SERVER.test/ -> 200',
      ],
    ),
    named(
      'auto_san_validation beside matchers',
      {
        fields: `{ transport_socket: ${tls(
          trusting('match_typed_subject_alt_names: [{ san_type: DNS, matcher: { exact: shop } }]'),
        )}, ${protocol(HTTP1, upstream('auto_sni: true, auto_san_validation: true'))} }`,
      },
      ['GET server.test/ -> 200', 'GET other.test/ -> 503', 'GET shop/ -> 200'],
    ),
    named(
      'auto_sni_san_validation',
      { fields: `{ transport_socket: ${tls(TRUSTED, 'sni: server.test, auto_sni_san_validation: true')} }` },
      ['GET / -> 200'],
    ),
    named(
      'auto_sni_san_validation, of another name',
      { fields: `{ transport_socket: ${tls(TRUSTED, 'sni: other.test, auto_sni_san_validation: true')} }` },
      ['GET / -> 503 UF x0'],
    ),
    named(
      'auto_sni_san_validation of what auto_sni tells',
      {
        fields: `{ transport_socket: ${tls(TRUSTED, 'auto_sni_san_validation: true')}, ${protocol(HTTP1, upstream('auto_sni: true'))} }`,
      },
      ['GET server.test/ -> 200', 'GET other.test/ -> 503 UF x0'],
    ),
  ],
};

function named(name: string, cluster: CaseCluster, requests: readonly string[]): Area['cases'][number] {
  const own = `name-${name.replaceAll(/[^a-z0-9]+/g, '-')}`;
  return { name, clusters: { [own]: { listens: 'TLS, h1', ...cluster } }, routes: to(own), requests };
}
