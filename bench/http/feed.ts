/** What callers call. */
export const AUTHORITY = 'reviews.default.svc.cluster.local:9080';
/** What callers send along. */
export const CALLER_HEADERS: { readonly [name: string]: string } = {
  accept: 'application/json',
  'user-agent': 'bench',
};
export const PATH = '/reviews/1?detail=full';

export type Json = { readonly [field: string]: unknown };

export const type = (name: string): string => `type.googleapis.com/${name}`;

/** A route as istiod writes it for a service without rules of its own: the default retries, no timeout, the attempt count. */
export function routeConfiguration(cluster: string): Json {
  return {
    name: '9080',
    virtual_hosts: [
      {
        name: AUTHORITY,
        domains: [AUTHORITY, 'reviews.default.svc.cluster.local', '*'],
        include_request_attempt_count: true,
        routes: [
          {
            name: 'default',
            match: { prefix: '/' },
            route: {
              cluster,
              timeout: '0s',
              max_grpc_timeout: '0s',
              retry_policy: {
                retry_on: 'connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes',
                num_retries: 2,
                retry_host_predicate: [
                  {
                    name: 'envoy.retry_host_predicates.previous_hosts',
                    typed_config: {
                      '@type': type('envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate'),
                    },
                  },
                ],
                host_selection_retry_max_attempts: '5',
              },
            },
          },
        ],
      },
    ],
  };
}

export function connectionManager(routes: Json): Json {
  return {
    '@type': type('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'),
    stat_prefix: 'bench',
    ...routes,
    http_filters: [
      {
        name: 'envoy.filters.http.router',
        typed_config: { '@type': type('envoy.extensions.filters.http.router.v3.Router') },
      },
    ],
  };
}

export function assignment(name: string, ports: readonly number[]): Json {
  return {
    cluster_name: name,
    endpoints: [
      {
        locality: { region: 'local', zone: 'a' },
        lb_endpoints: ports.map((port) => ({
          endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } },
        })),
      },
    ],
  };
}

export const thresholds: Json = {
  thresholds: [
    {
      max_connections: 4294967295,
      max_pending_requests: 4294967295,
      max_requests: 4294967295,
      max_retries: 4294967295,
    },
  ],
};

const CLUSTER = `outbound|9080||reviews.default.svc.cluster.local`;

/** The resources that a control plane gives to the mesh. */
export function meshResources(ports: readonly number[]): Json[] {
  const ads = { ads: {}, resource_api_version: 'V3' };
  return [
    {
      '@type': type('envoy.config.listener.v3.Listener'),
      name: AUTHORITY,
      api_listener: {
        api_listener: connectionManager({ rds: { config_source: ads, route_config_name: '9080' } }),
      },
    },
    { '@type': type('envoy.config.route.v3.RouteConfiguration'), ...routeConfiguration(CLUSTER) },
    {
      '@type': type('envoy.config.cluster.v3.Cluster'),
      name: CLUSTER,
      type: 'EDS',
      eds_cluster_config: { eds_config: ads, service_name: CLUSTER },
      connect_timeout: '10s',
      lb_policy: 'ROUND_ROBIN',
      circuit_breakers: thresholds,
    },
    { '@type': type('envoy.config.endpoint.v3.ClusterLoadAssignment'), ...assignment(CLUSTER, ports) },
  ];
}

/** A static bootstrap of an Envoy that listens on each of `listen` and does the same to the same endpoints. */
export function envoyBootstrap(listen: readonly number[], upstreams: readonly (readonly number[])[]): Json {
  return {
    node: { id: 'bench', cluster: 'bench' },
    static_resources: {
      listeners: listen.map((port, i) => ({
        name: `listener-${i}`,
        address: { socket_address: { address: '127.0.0.1', port_value: port } },
        filter_chains: [
          {
            filters: [
              {
                name: 'envoy.filters.network.http_connection_manager',
                typed_config: connectionManager({ route_config: routeConfiguration(`${CLUSTER}-${i}`) }),
              },
            ],
          },
        ],
      })),
      clusters: upstreams.map((ports, i) => ({
        name: `${CLUSTER}-${i}`,
        type: 'STATIC',
        connect_timeout: '10s',
        lb_policy: 'ROUND_ROBIN',
        circuit_breakers: thresholds,
        load_assignment: assignment(`${CLUSTER}-${i}`, ports),
      })),
    },
  };
}
