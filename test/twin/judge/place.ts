import { ACCESS_LOG } from '../feed.ts';
import type { TwinFeed } from '../twin.ts';
import { field, isObject, type Json, type JsonObject, listOf, withField } from './feed-folder.ts';

const LISTENER = 'envoy.config.listener.v3.Listener';
const MANAGER = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const CLUSTER = 'envoy.config.cluster.v3.Cluster';
const ASSIGNMENT = 'envoy.config.endpoint.v3.ClusterLoadAssignment';

/** A listener of the feed, where the twin has put it. */
export interface PlacedListener {
  /** Its name in the feed. */
  readonly name: string;
  /** Its port in the feed; null for none. */
  readonly feedPort: number | null;
  /** Its name in the twin: a host that stands for it. */
  readonly service: string;
  /** Where Envoy opens it. */
  readonly port: number;
}

/** Listeners of a feed. */
export function listenersOf(resources: readonly JsonObject[]): JsonObject[] {
  return resources.filter((each) => typeOf(each) === LISTENER);
}

/**
 * Puts a feed to use for both sides. Each listener gets a host's name, by which inmesh asks for it, and for Envoy a free port and an
 * access log that the twin reads; nothing else of it is changed. A listener for proxyless clients becomes one with a port for Envoy.
 */
export function place(resources: readonly JsonObject[], ports: readonly number[]) {
  const listeners: PlacedListener[] = [];
  const feed = { envoy: [] as JsonObject[], inmesh: [] as JsonObject[] };
  for (const resource of resources) {
    if (typeOf(resource) !== LISTENER) {
      feed.envoy.push(resource);
      feed.inmesh.push(resource);
      continue;
    }
    const index = listeners.length;
    const service = `feed-${index + 1}`;
    const port = ports[index] ?? 0;
    listeners.push({ name: String(field(resource, 'name') ?? ''), feedPort: portOf(resource), service, port });
    const named = withField(resource, 'name', service);
    feed.inmesh.push(named);
    feed.envoy.push(opened(named, port));
  }
  return { listeners, feed: feed as unknown as TwinFeed };
}

/** Names of the recorders that take the place of all endpoints: one for each, told apart by cluster and priority. */
export function recordersOf(resources: readonly JsonObject[]): string[] {
  const names: string[] = [];
  record(resources, (name) => {
    names.push(name);
    return 1;
  });
  return names;
}

/** The feed with recorders in the place of all endpoints. */
export function record(resources: readonly JsonObject[], portOfRecorder: (name: string) => number): JsonObject[] {
  return resources.map((resource) => {
    const type = typeOf(resource);
    if (type === ASSIGNMENT) {
      return recorded(resource, String(field(resource, 'cluster_name') ?? ''), portOfRecorder);
    }
    const assignment = field(resource, 'load_assignment');
    if (type !== CLUSTER || !isObject(assignment)) return resource;
    const name = String(field(resource, 'name') ?? '');
    return withField(resource, 'load_assignment', recorded(assignment, name, portOfRecorder));
  });
}

function recorded(assignment: JsonObject, cluster: string, portOfRecorder: (name: string) => number): JsonObject {
  let count = 0;
  const localities = listOf(field(assignment, 'endpoints')).map((locality) => {
    const priority = Number(field(locality, 'priority') ?? 0);
    const label = priority === 0 ? cluster : `${cluster}, priority ${priority}`;
    const endpoints = listOf(field(locality, 'lb_endpoints')).map((each) => {
      const endpoint = field(each, 'endpoint');
      const port = portOfRecorder(`${label} #${++count}`);
      return withField(each, 'endpoint', withField(isObject(endpoint) ? endpoint : {}, 'address', socketAddress(port)));
    });
    return withField(locality, 'lb_endpoints', endpoints);
  });
  return withField(assignment, 'endpoints', localities);
}

function opened(listener: JsonObject, port: number): JsonObject {
  const api = field(field(listener, 'api_listener'), 'api_listener');
  let result = withField(withField(listener, 'api_listener', undefined), 'bind_to_port', undefined);
  result = withField(result, 'address', socketAddress(port));
  if (isObject(api)) {
    const prefix = field(api, 'stat_prefix') ?? 'api_listener';
    const filter = { name: 'hcm', typed_config: logged(withField(api, 'stat_prefix', prefix)) };
    return withField(result, 'filter_chains', [{ filters: [filter] }]);
  }
  const chains = listOf(field(result, 'filter_chains')).map(loggedChain);
  const last = field(result, 'default_filter_chain');
  if (isObject(last)) result = withField(result, 'default_filter_chain', loggedChain(last));
  return withField(result, 'filter_chains', chains);
}

function loggedChain(chain: JsonObject): JsonObject {
  const filters = listOf(field(chain, 'filters')).map((filter) => {
    const config = field(filter, 'typed_config');
    return isObject(config) && typeOf(config) === MANAGER ? withField(filter, 'typed_config', logged(config)) : filter;
  });
  return withField(chain, 'filters', filters);
}

function logged(manager: JsonObject): JsonObject {
  return withField(manager, 'access_log', [...listOf(field(manager, 'access_log')), ...(ACCESS_LOG as Json[])] as Json);
}

function typeOf(resource: JsonObject): string {
  return String(resource['@type']).replace(/^.*\//, '');
}

function portOf(listener: JsonObject): number | null {
  const port = field(field(field(listener, 'address'), 'socket_address'), 'port_value');
  return typeof port === 'number' ? port : null;
}

function socketAddress(port: number): JsonObject {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}
