import { clientSocket, protocolOptions, serverSocket } from '../../test/peers/support/tls/contexts.ts';
import type { IdentityFiles } from '../../test/peers/support/tls/trust.ts';
import { assignment, connectionManager, type Json, routeConfiguration, thresholds, type } from '../http/feed.ts';

export type Protocol = 'http1' | 'http2';

/** A service, where its endpoints are, and how it is spoken to. */
export interface Service {
  /** What it is called by; a route and a cluster of its own. */
  readonly name: string;
  readonly ports: readonly number[];
  readonly protocol: Protocol;
  /** Milliseconds are none of it: more of the cluster's TLS context, such as `max_session_keys`. */
  readonly context?: Json;
  /** More of HttpProtocolOptions. */
  readonly options?: Json;
}

export interface Identities {
  readonly caller: IdentityFiles;
  readonly server: IdentityFiles;
}

/** The server name of the service, as Istio writes it. */
export function serverName({ name }: Service): string {
  return `outbound_.9080_._.${name}`;
}

/** TLS from 1.2 to 1.3, as istiod has it: a client's default in Envoy ends with 1.2. */
const TLS_PARAMS = { tls_params: { tls_minimum_protocol_version: 'TLSv1_2', tls_maximum_protocol_version: 'TLSv1_3' } };

/** What a control plane gives to the mesh for these services. */
export function meshServices(services: readonly Service[], identities: Identities): Json[] {
  const ads = { ads: {}, resource_api_version: 'V3' };
  return services.flatMap((service) => [
    {
      '@type': type('envoy.config.listener.v3.Listener'),
      name: authorityOf(service),
      api_listener: { api_listener: connectionManager({ route_config: routeConfiguration(service.name) }) },
    },
    {
      '@type': type('envoy.config.cluster.v3.Cluster'),
      ...clusterOf(service, identities),
      type: 'EDS',
      eds_cluster_config: { eds_config: ads, service_name: service.name },
    },
    { '@type': type('envoy.config.endpoint.v3.ClusterLoadAssignment'), ...assignment(service.name, service.ports) },
  ]);
}

export function authorityOf({ name }: Service): string {
  return `${name}.default.svc.cluster.local:9080`;
}

/** An Envoy beside the caller: a listener for each service. */
export function outboundBootstrap(listen: readonly number[], services: readonly Service[], identities: Identities) {
  return bootstrap(
    services.map((service, i) => listener(listen[i], routeConfiguration(service.name))),
    services.map((service) => ({
      ...clusterOf(service, identities),
      type: 'STATIC',
      load_assignment: assignment(service.name, service.ports),
    })),
  );
}

/** An Envoy in front of each endpoint: STRICT, with HTTP/1.1 and HTTP/2. */
export function inboundBootstrap(listen: readonly number[], apps: readonly number[], { server }: Identities) {
  const socket = { transport_socket: serverSocket({ identity: server }) };
  return bootstrap(
    apps.map((_, i) => listener(listen[i], routeConfiguration(`app-${i}`), socket)),
    apps.map((port, i) => ({
      name: `app-${i}`,
      type: 'STATIC',
      connect_timeout: '10s',
      circuit_breakers: thresholds,
      load_assignment: assignment(`app-${i}`, [port]),
    })),
  );
}

function clusterOf(service: Service, { caller, server }: Identities): Json {
  const { name, protocol, context = {}, options = {} } = service;
  const servers = [server.spiffeId];
  return {
    name,
    connect_timeout: '10s',
    lb_policy: 'ROUND_ROBIN',
    circuit_breakers: thresholds,
    transport_socket: clientSocket({
      identity: caller,
      servers,
      sni: serverName(service),
      common: TLS_PARAMS,
      more: context,
    }),
    ...protocolOptions(protocol, options),
  };
}

function listener(port: number | undefined, routes: Json, socket: Json = {}): Json {
  return {
    name: `listener-${port}`,
    address: { socket_address: { address: '127.0.0.1', port_value: port } },
    filter_chains: [
      {
        filters: [
          {
            name: 'envoy.filters.network.http_connection_manager',
            typed_config: connectionManager({ route_config: routes }),
          },
        ],
        ...socket,
      },
    ],
  };
}

function bootstrap(listeners: readonly Json[], clusters: readonly Json[]): Json {
  return { node: { id: 'bench', cluster: 'bench' }, static_resources: { listeners, clusters } };
}
