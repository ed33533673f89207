import type { ResourceInput } from '@inmesh/control-plane';
import { parse } from 'yaml';
import { cluster, TYPE_URL } from '../peers/support/feed.ts';
import type { Case } from './case.ts';
import type { ServerKind } from './upstream/servers.ts';

type Json = Record<string, unknown>;

const TYPE = 'type.googleapis.com/envoy';

/** One line per call on Envoy's standard output, with the call's header. */
export const ACCESS_LOG = [
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

/** Clusters that every case may use, and the recorders behind each. */
export const STANDARD_CLUSTERS: Readonly<Record<string, readonly string[]>> = {
  one: ['one'],
  two: ['two'],
  three: ['three'],
  pair: ['left', 'right'],
  empty: [],
  refused: ['refused'],
};

/** A case with a place of its own: a listener that Envoy opens on the port, and that inmesh finds by its name. */
export interface PlacedCase {
  readonly definition: Case;
  /** Of the listener; a host name that stands for the service. */
  readonly name: string;
  readonly port: number;
}

/** Names of all recorders that the cases mention. */
export function recordersOf(cases: readonly Case[]): string[] {
  const own = cases.flatMap(({ clusters = {} }) =>
    Object.entries(clusters).flatMap(([name, { endpoints: behind = [name] }]) => behind),
  );
  return [...Object.values(STANDARD_CLUSTERS).flat(), ...own];
}

/** Of those, which listen in a way of their own. */
export function listeningOf(cases: readonly Case[]): ReadonlyMap<string, ServerKind> {
  const own = cases.flatMap(({ clusters = {} }) =>
    Object.entries(clusters).flatMap(([name, { endpoints: behind = [name], listens }]) =>
      listens === undefined ? [] : behind.map((each) => [each, listens] as const),
    ),
  );
  return new Map(own);
}

/** Cases run at the same time: the retries of one must not use up the limit of 3 for another. */
const ROOMY = { circuit_breakers: { thresholds: [{ max_retries: 1000 }] } };

/** The clusters that every case may use. */
export function standardResources(ports: ReadonlyMap<string, number>): ResourceInput[] {
  return Object.entries(STANDARD_CLUSTERS).flatMap(([name, behind]) => cluster(name, portsOf(behind, ports), ROOMY));
}

/** Listener, clusters and endpoints of a case. `folder`: where certificates lie. */
export function resourcesOf(
  { definition, name, port }: PlacedCase,
  ports: ReadonlyMap<string, number>,
  folder: string,
) {
  const { manager, filters, clusters = {} } = definition;
  const own = Object.entries(clusters).flatMap(
    ([each, { endpoints: behind = [each], fields = '{}', assignment = '{}', endpoint = '{}' }]) =>
      cluster(
        each,
        portsOf(behind, ports),
        mapping(fields.replaceAll('{{folder}}', folder), definition),
        mapping(assignment, definition),
        mapping(endpoint, definition),
      ),
  );
  return [
    listener(name, port, {
      route_config: routeConfiguration(definition, name),
      ...(manager === undefined ? {} : mapping(manager, definition)),
      http_filters: [...(filters === undefined ? [] : list(filters, definition)), ROUTER],
    }),
    ...own,
  ];
}

export const ROUTER = { name: 'router', typed_config: { '@type': `${TYPE}.extensions.filters.http.router.v3.Router` } };

/** A connection manager on a port of the loopback; `fields` are its own. */
export function listener(name: string, port: number, fields: Json): ResourceInput {
  return {
    '@type': TYPE_URL.listener,
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
              http_filters: [ROUTER],
              ...fields,
            },
          },
        ],
      },
    ],
  } as unknown as ResourceInput;
}

const ADS = { ads: {}, resource_api_version: 'V3' };

/** Fields of a connection manager whose routes are a resource of the listener's name; `fields` are further ones, as YAML. */
export function rdsManager(name: string, fields: string): Json {
  return { rds: { config_source: ADS, route_config_name: name }, ...(parse(fields, { merge: true }) as Json) };
}

/** A RouteConfiguration of some virtual hosts, as a resource. */
export function routeResource(name: string, virtualHosts: readonly unknown[], fields: Json = {}): ResourceInput {
  return { '@type': TYPE_URL.route, name, ...fields, virtual_hosts: virtualHosts } as unknown as ResourceInput;
}

/** The RouteConfiguration of a case, whichever way it is given. */
export function routeConfiguration(definition: Case, name: string): Json {
  const { routes, hosts, config } = definition;
  if (config !== undefined) return { name, ...mapping(config, definition) };
  if (hosts !== undefined) return { name, virtual_hosts: list(hosts, definition) };
  if (routes === undefined) throw new Error(`case "${definition.name}" has neither routes, hosts nor config`);
  return { name, virtual_hosts: [{ name: 'all', domains: ['*'], routes: list(routes, definition) }] };
}

function portsOf(names: readonly string[], ports: ReadonlyMap<string, number>): number[] {
  return names.map((name) => {
    const port = ports.get(name);
    if (port === undefined) throw new Error(`there is no recorder "${name}"`);
    return port;
  });
}

function mapping(yaml: string, { name }: Case): Json {
  const value: unknown = parse(yaml, { merge: true });
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
  throw new Error(`case "${name}": not a mapping: ${yaml}`);
}

function list(yaml: string, { name }: Case): unknown[] {
  const value: unknown = parse(yaml, { merge: true });
  if (Array.isArray(value)) return value;
  throw new Error(`case "${name}": not a list: ${yaml}`);
}
