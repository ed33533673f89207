import type { JsonObject } from '@bufbuild/protobuf';
import type { Kind } from '@inmesh/core';

/** One resource at the edge of what is valid, and what is made of it. */
export interface EdgeCase {
  readonly title: string;
  readonly kind: Kind;
  /** The fields that differ from those of a good resource; for a listener, see `part`. */
  readonly fields: JsonObject;
  /** Of a listener: the connection manager (default), which is wrapped as each peer reads it, or the listener itself. */
  readonly part?: 'manager' | 'listener';
  /** What inmesh's reason says by the rules of Envoy; null where it accepts. */
  readonly envoy: RegExp | null;
  /** The same by the rules of gRPC. */
  readonly grpc: RegExp | null;
  /** Why the real Envoy does the opposite. */
  readonly unlikeEnvoy?: string;
  /** Why the real grpc-go does the opposite. */
  readonly unlikeGrpc?: string;
}

/** The real Envoy waits for what it asks for before it says ACK: not for long here. */
export const ADS: JsonObject = { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: '0.02s' };
export const API = 'type.googleapis.com/';
export const NAME = 'edge';

const MANAGER = `${API}envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`;

export const ROUTER: JsonObject = {
  name: 'envoy.filters.http.router',
  typed_config: { '@type': `${API}envoy.extensions.filters.http.router.v3.Router` },
};

const MANAGER_FIELDS: JsonObject = {
  '@type': MANAGER,
  stat_prefix: NAME,
  rds: { config_source: ADS, route_config_name: NAME },
  http_filters: [ROUTER],
};

/** A good resource with other fields; `undefined` as a value takes one away. */
function withFields(good: JsonObject, fields: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries({ ...good, ...fields }).filter(([, value]) => value !== null));
}

/** How a listener comes to who reads it: a sidecar's socket, or gRPC's `api_listener`. */
export type ListenerForm = 'socket' | 'api';

/** The resource of a case; a null among its fields takes that field away from the good one. */
export function resourceOf(
  { kind, fields, part }: Pick<EdgeCase, 'kind' | 'fields' | 'part'>,
  form: ListenerForm,
): JsonObject {
  switch (kind) {
    case 'cluster':
      return withFields(
        { name: NAME, type: 'EDS', eds_cluster_config: { eds_config: ADS }, connect_timeout: '5s' },
        fields,
      );
    case 'clusterLoadAssignment':
      return withFields({ cluster_name: NAME, endpoints: [locality({})] }, fields);
    case 'routeConfiguration':
      return withFields({ name: NAME, virtual_hosts: [virtualHost({})] }, fields);
    case 'listener': {
      if (part === 'listener') return withFields(socketListener(MANAGER_FIELDS), fields);
      const manager = withFields(MANAGER_FIELDS, fields);
      return form === 'api' ? { name: NAME, api_listener: { api_listener: manager } } : socketListener(manager);
    }
    default:
      throw new TypeError(`no good resource of kind ${String(kind)}`);
  }
}

/** It binds no port: what is looked at is the verdict. */
function socketListener(manager: JsonObject): JsonObject {
  return {
    name: NAME,
    address: { socket_address: { address: '127.0.0.1', port_value: 10_000 } },
    bind_to_port: false,
    filter_chains: [chain(manager)],
  };
}

/** A filter chain with a good connection manager. */
export function goodChain(more: JsonObject = {}): JsonObject {
  return { ...chain(MANAGER_FIELDS), ...more };
}

function chain(manager: JsonObject): JsonObject {
  return { filters: [{ name: 'hcm', typed_config: manager }] };
}

export function virtualHost(fields: JsonObject): JsonObject {
  return withFields({ name: 'v', domains: ['*'], routes: [route({})] }, fields);
}

export function route(fields: JsonObject): JsonObject {
  return withFields({ match: { prefix: '/' }, route: { cluster: NAME } }, fields);
}

export function locality(fields: JsonObject): JsonObject {
  return withFields({ locality: { zone: 'a' }, load_balancing_weight: 1, lb_endpoints: [endpoint(1)] }, fields);
}

export function endpoint(port: number, fields: JsonObject = {}): JsonObject {
  return { endpoint: { address: socket(port) }, ...fields };
}

export function socket(port: number, address = '127.0.0.1'): JsonObject {
  return { socket_address: { address, port_value: port } };
}

/** Why grpc-go takes what inmesh refuses by both profiles: it does not read the field, and inmesh acts on it. */
export const RANGE =
  'inmesh acts on this field, which grpc-go does not read, so its value must be one that can be acted on';
