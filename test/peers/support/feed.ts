import type { ResourceInput } from '@inmesh/control-plane';

/** Resources in Envoy's JSON format, as short as the tests need them. Times are seconds in text, as there: `0.2s`. */
type Json = Record<string, unknown>;

const ADS = { ads: {}, resource_api_version: 'V3' };
const TYPE = 'type.googleapis.com/envoy';

export const TYPE_URL = {
  listener: `${TYPE}.config.listener.v3.Listener`,
  route: `${TYPE}.config.route.v3.RouteConfiguration`,
  cluster: `${TYPE}.config.cluster.v3.Cluster`,
  endpoints: `${TYPE}.config.endpoint.v3.ClusterLoadAssignment`,
} as const;

/** One line per call on Envoy's standard output. */
const ACCESS_LOG = [
  {
    name: 'stdout',
    typed_config: {
      '@type': `${TYPE}.extensions.access_loggers.stream.v3.StdoutAccessLog`,
      log_format: {
        json_format: {
          call: '%REQ(X-CALL)%',
          flags: '%RESPONSE_FLAGS%',
          details: '%RESPONSE_CODE_DETAILS%',
          cluster: '%UPSTREAM_CLUSTER_RAW%',
          host: '%UPSTREAM_HOST%',
        },
      },
    },
  },
];

/** A connection manager on a port whose routes come over ADS: what a sidecar listens with, and what inmesh reads. */
export function listener(name: string, port: number, routes: string): ResourceInput {
  return resource('listener', {
    name,
    address: { socket_address: { address: '127.0.0.1', port_value: port } },
    filter_chains: [
      {
        filters: [
          {
            name: 'hcm',
            typed_config: {
              '@type': `${TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
              stat_prefix: name,
              access_log: ACCESS_LOG,
              rds: { config_source: ADS, route_config_name: routes },
              http_filters: [
                { name: 'router', typed_config: { '@type': `${TYPE}.extensions.filters.http.router.v3.Router` } },
              ],
            },
          },
        ],
      },
    ],
  });
}

/** What a proxyless client is given: routes inline, no address. */
export function apiListener(name: string, virtualHosts: readonly Json[]): ResourceInput {
  return resource('listener', {
    name,
    api_listener: {
      api_listener: {
        '@type': `${TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
        stat_prefix: name,
        route_config: { name, virtual_hosts: virtualHosts },
        http_filters: [
          { name: 'router', typed_config: { '@type': `${TYPE}.extensions.filters.http.router.v3.Router` } },
        ],
      },
    },
  });
}

export function routes(name: string, virtualHosts: readonly Json[]): ResourceInput {
  return resource('route', { name, virtual_hosts: virtualHosts });
}

/** A virtual host on some domains; `more` holds its other fields. */
export function host(name: string, domains: readonly string[], routeList: readonly Json[], more: Json = {}): Json {
  return { name, domains, routes: routeList, ...more };
}

/** A route to one cluster. `match` is a prefix, or a whole RouteMatch. */
export function to(cluster: string, match: string | Json = '/', action: Json = {}): Json {
  return { match: matchOf(match), route: { cluster, ...action } };
}

/** A route that splits its calls. */
export function split(weights: Readonly<Record<string, number>>, match: string | Json = '/'): Json {
  const clusters = Object.entries(weights).map(([name, weight]) => ({ name, weight }));
  return { match: matchOf(match), route: { weighted_clusters: { clusters } } };
}

/** A route that answers by itself. */
export function answer(status: number, body: string, match: string | Json = '/'): Json {
  return { match: matchOf(match), direct_response: { status, body: { inline_string: body } } };
}

/** An EDS cluster and its endpoints on the loopback. `endpoint`: fields of each of them. */
export function cluster(
  name: string,
  ports: readonly number[],
  more: Json = {},
  assignment: Json = {},
  endpoint: Json = {},
): ResourceInput[] {
  return [
    resource('cluster', {
      name,
      type: 'EDS',
      eds_cluster_config: { eds_config: ADS },
      connect_timeout: '5s',
      ...more,
    }),
    endpoints(name, ports, assignment, endpoint),
  ];
}

export function endpoints(
  name: string,
  ports: readonly number[],
  more: Json = {},
  { endpoint: host = {}, ...own }: Json = {},
): ResourceInput {
  const lbEndpoints = ports.map((port) => ({
    endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } }, ...(host as Json) },
    ...own,
  }));
  return resource('endpoints', {
    cluster_name: name,
    endpoints: ports.length === 0 ? [] : [{ locality: { zone: 'a' }, lb_endpoints: lbEndpoints }],
    ...more,
  });
}

function matchOf(match: string | Json): Json {
  return typeof match === 'string' ? { prefix: match } : match;
}

function resource(type: keyof typeof TYPE_URL, fields: Json): ResourceInput {
  return { '@type': TYPE_URL[type], ...fields } as ResourceInput;
}
