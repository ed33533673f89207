import type { JsonObject } from '@bufbuild/protobuf';
import type { ResourceInput } from '@inmesh/control-plane';

/** Resources in Envoy's own JSON format, as short as the tests need them. */
type Json = JsonObject;

const TYPE = 'type.googleapis.com/envoy';
const ADS = { ads: {}, resource_api_version: 'V3' };

export interface ServiceOptions {
  /** Host and port that it is called by. Default: the name. */
  readonly listener?: string;
  /** Fields of the route's action, such as `timeout` and `retry_policy`. */
  readonly route?: Json;
  /** Fields of the cluster, such as `connect_timeout`. */
  readonly cluster?: Json;
}

/** All that one service needs: its listener with inline routes, its cluster and its endpoints on 127.0.0.1. */
export function service(name: string, ports: readonly number[], options: ServiceOptions = {}): ResourceInput[] {
  return [
    apiListener(options.listener ?? name, [
      virtualHost(name, [{ match: { prefix: '/' }, route: { cluster: name, ...options.route } }]),
    ]),
    cluster(name, options.cluster),
    endpoints(name, ports),
  ];
}

/** What a proxyless client is given: routes inline, no address. */
export function apiListener(
  name: string,
  virtualHosts: Json[],
  filters: readonly Json[] = [],
  manager: Json = {},
): ResourceInput {
  return hcm(name, { route_config: { name, virtual_hosts: virtualHosts }, ...manager }, filters);
}

/** A listener whose routes are a resource of their own. */
export function rdsListener(name: string, routes: string): ResourceInput {
  return hcm(name, { rds: { config_source: ADS, route_config_name: routes } });
}

function hcm(name: string, more: Json, filters: readonly Json[] = []): ResourceInput {
  return {
    '@type': `${TYPE}.config.listener.v3.Listener`,
    name,
    api_listener: {
      api_listener: {
        '@type': `${TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
        stat_prefix: name,
        upgrade_configs: [{ upgrade_type: 'websocket' }, { upgrade_type: 'chat' }],
        http_filters: [
          ...filters,
          { name: 'router', typed_config: { '@type': `${TYPE}.extensions.filters.http.router.v3.Router` } },
        ],
        ...more,
      },
    },
  };
}

export function routes(name: string, virtualHosts: Json[]): ResourceInput {
  return { '@type': `${TYPE}.config.route.v3.RouteConfiguration`, name, virtual_hosts: virtualHosts };
}

export function virtualHost(name: string, routesOfIt: Json[], domains: string[] = ['*']): Json {
  return { name, domains, routes: routesOfIt };
}

export function cluster(name: string, more: Json = {}): ResourceInput {
  return {
    '@type': `${TYPE}.config.cluster.v3.Cluster`,
    name,
    type: 'EDS',
    eds_cluster_config: { eds_config: ADS },
    connect_timeout: '2s',
    ...more,
  };
}

export function endpoints(name: string, ports: readonly number[]): ResourceInput {
  return {
    '@type': `${TYPE}.config.endpoint.v3.ClusterLoadAssignment`,
    cluster_name: name,
    endpoints: [{ lb_endpoints: ports.map((port) => ({ endpoint: { address: address(port) } })) }],
  };
}

function address(port: number): Json {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}

/** A certificate with its key, for SDS; the chain is no real one. */
export function certificate(name: string, key: string): ResourceInput {
  return {
    '@type': `${TYPE}.extensions.transport_sockets.tls.v3.Secret`,
    name,
    tls_certificate: { certificate_chain: { inline_string: `chain of ${name}` }, private_key: { inline_string: key } },
  };
}

/** Whom to trust, for SDS. */
export function validationContext(name: string, more: Json = {}): ResourceInput {
  return {
    '@type': `${TYPE}.extensions.transport_sockets.tls.v3.Secret`,
    name,
    validation_context: { trusted_ca: { inline_string: 'roots' }, ...more },
  };
}

/** The configuration of a buffer filter, for ECDS. */
export function extensionConfig(name: string, buffer: Json): ResourceInput {
  return {
    '@type': `${TYPE}.config.core.v3.TypedExtensionConfig`,
    name,
    typed_config: { '@type': `${TYPE}.extensions.filters.http.buffer.v3.Buffer`, max_request_bytes: 1_000, ...buffer },
  };
}

/** For RTDS. */
export function runtimeLayer(name: string, layer: Json): ResourceInput {
  return { '@type': `${TYPE}.service.runtime.v3.Runtime`, name, layer };
}
