import {
  type Address,
  addressText,
  Call,
  type Cluster,
  type FilterState,
  Headers,
  isMeshError,
  type MeshError,
  type RouteEntry,
} from '@inmesh/core';
import type { FlavourInForce, JoinedAuthority, OutsideMesh } from '@inmesh/xds';

export interface ExplainedEndpoint {
  readonly address: string;
  readonly health: string;
  readonly weight: number;
  readonly priority: number;
  readonly locality: string;
  readonly connections: number;
  readonly active: number;
}

export interface ExplainedCluster {
  readonly name: string;
  /** Its share of the calls, 0 to 1. */
  readonly share: number;
  readonly type: string;
  readonly lbPolicy: string;
  readonly endpoints: readonly ExplainedEndpoint[];
  /** Why it cannot be called; null where it can. */
  readonly error: string | null;
}

export interface ExplainedFilter {
  readonly name: string;
  readonly state: FilterState;
}

/** What would happen to a call, and why. */
export interface Explanation {
  readonly url: string;
  /** `mesh`: by its rules; `pass-through`: as without the mesh; `refused`: not at all; `unknown`: the feed has not told yet. */
  readonly verdict: 'mesh' | 'pass-through' | 'refused' | 'unknown';
  /** One sentence per step, in order. */
  readonly why: readonly string[];
  readonly listener: string | null;
  readonly routeConfiguration: string | null;
  readonly virtualHost: string | null;
  readonly route: string | null;
  /**
   * All routes of the virtual host, in order, and the first thing that each asks and the call does not fulfil, as a field of its match; null
   * for those that match. The first of these is taken.
   */
  readonly routes: readonly { readonly route: string; readonly missing: string | null }[];
  /** The HTTP filters on its way, in order: `idle` ones have nothing to do, `skipped` ones are left out, a `refused` one keeps the call from going. */
  readonly filters: readonly ExplainedFilter[];
  readonly clusters: readonly ExplainedCluster[];
  /** Where the configuration comes from: `control plane xds:18000`, or with `(through the main thread)` where another has the stream. */
  readonly origin: string;
  /** How the control plane lays out its feed, and what that lacks. */
  readonly flavour: FlavourInForce;
}

/** The call that is asked about. */
export interface ExplainRequest {
  /** Default: GET. */
  readonly method?: string;
  /** Default: none, as if the application sent none of its own. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ExplainInput {
  readonly url: URL;
  readonly request: ExplainRequest;
  readonly mesh: boolean;
  readonly entry: JoinedAuthority | null;
  readonly outsideMesh: OutsideMesh;
  /** Where the configuration comes from now, as an operator names it. */
  readonly origin: string;
  readonly flavour: FlavourInForce;
}

export function explainCall({ url, request, mesh, entry, outsideMesh, origin, flavour }: ExplainInput): Explanation {
  const why: string[] = [];
  const result = (verdict: Explanation['verdict'], found: Partial<Explanation> = {}): Explanation => ({
    url: url.href,
    verdict,
    why,
    listener: null,
    routeConfiguration: null,
    virtualHost: null,
    route: null,
    routes: [],
    filters: [],
    clusters: [],
    origin,
    flavour,
    ...found,
  });
  if (!mesh || entry === null) {
    why.push(
      url.protocol === 'https:'
        ? 'https: the TLS is the caller’s own, the mesh does not look into it'
        : `${url.hostname} is none of the mesh’s domains (option "domains" adds to them)`,
    );
    return result(outsideMesh === 'refuse' ? 'refused' : 'pass-through');
  }
  if (entry.ambient !== null && entry.table !== null)
    why.push(`an older version is in force: ${entry.ambient.message}`);
  if (entry.table === null) {
    if (entry.error === null) {
      why.push(`${origin} has not told about ${entry.target} yet: calls are held`);
      return result('unknown');
    }
    why.push(entry.error.message);
    const passes = entry.absent && outsideMesh === 'passThrough';
    if (passes) why.push(`${origin} has no say in calls to ${entry.target}: they pass through`);
    return result(passes ? 'pass-through' : 'refused');
  }
  const { table } = entry;
  const call = asked(url, entry.target, request);
  const found = {
    listener: table.listener.name,
    routeConfiguration: table.routeConfiguration.name,
    virtualHost: table.virtualHost.name,
    routes: table.explain(call).map(({ route, missing }) => ({ route: route.label, missing })),
  };
  why.push(`listener ${table.listener.name} answers for ${entry.target}`);
  if (table.refusal !== null) {
    why.push(`${table.refusal.message}: 404, flag NR`);
    const filters = table.filters.entries.map(({ name, state }) => ({ name, state }));
    return result('refused', { ...found, virtualHost: null, filters });
  }
  why.push(
    `virtual host ${table.virtualHost.name} (${table.virtualHost.domains.join(', ')}) is the best match for ${entry.authority}`,
  );
  const path = url.pathname + url.search;
  const route = table.match(call);
  const filters = (route?.filters(call) ?? table.filters).entries.map(({ name, state }) => ({ name, state }));
  if (route === null) {
    why.push(`none of its ${table.routes.length} routes matches ${path}: 404, flag NR`);
    return result('refused', { ...found, filters });
  }
  const position = table.routes.findIndex((candidate) => candidate.route === route) + 1;
  why.push(`route ${position} of ${table.routes.length} (${route.label}) is the first that matches ${path}`);
  if (route.refusal !== null) {
    why.push(route.refusal.message);
    return result('refused', { ...found, filters, route: route.label });
  }
  const active = filters.filter(({ state }) => state === 'active').map(({ name }) => name);
  if (active.length > 0) why.push(`its HTTP filters: ${active.join(', ')}`);
  const { action } = route.config;
  if (action.kind === 'direct_response') why.push(`the route answers by itself: ${action.status}`);
  const clusters = clustersOf(route, why);
  const onward = { ...found, filters, route: route.label, clusters };
  if (clusters.length === 0 || clusters.some(({ type, error }) => type !== 'original_dst' || error !== null)) {
    return result('mesh', onward);
  }
  return result(outsideMesh === 'refuse' ? 'refused' : 'pass-through', onward);
}

function asked(url: URL, target: string, { method = 'GET', headers = {} }: ExplainRequest): Call {
  return new Call(
    {
      method,
      scheme: 'http',
      authority: url.host,
      path: url.pathname + url.search,
      headers: Headers.from(Object.entries(headers).flat()),
      upgrade: null,
    },
    null,
    { failAs: 'error', target, headersTimeoutMs: null, bodyTimeoutMs: null, overrides: null, passThrough: null },
  );
}

function clustersOf(route: RouteEntry, why: string[]): ExplainedCluster[] {
  const { action } = route.config;
  if (action.kind !== 'forward') return [];
  return route.choices().map(({ name, weight, choice }) => {
    const share = action.totalWeight === 0 ? 0 : weight / action.totalWeight;
    const percent = `${Math.round(share * 1000) / 10} %`;
    if (choice === null) {
      why.push(`${percent} go to cluster ${name}, about which the feed has not told yet: these calls are held`);
      return { name, share, type: '', lbPolicy: '', endpoints: [], error: 'not known yet' };
    }
    if (isMeshError(choice)) {
      why.push(`${percent} go to cluster ${name}, which cannot be called: ${choice.message}`);
      return { name, share, type: '', lbPolicy: '', endpoints: [], error: (choice as MeshError).message };
    }
    const endpoints = endpointsOf(choice);
    why.push(
      choice.config.discovery.kind === 'original_dst'
        ? `${percent} go to cluster ${name}: where they would go without the mesh`
        : `${percent} go to cluster ${name}: ${choice.config.lb.kind} over ${choice.stats.membership_healthy} healthy of ${endpoints.length} endpoints`,
    );
    const { unsupported } = choice.config;
    return {
      name,
      share,
      type: choice.config.discovery.kind,
      lbPolicy: choice.config.lb.kind,
      endpoints,
      error: unsupported.length > 0 ? `needs what this version lacks: ${unsupported.join(', ')}` : null,
    };
  });
}

function endpointsOf(cluster: Cluster): ExplainedEndpoint[] {
  return [...cluster.endpoints.values()].map(({ config, locality, priority, stats }) => ({
    address: text(config.address),
    health: config.health,
    weight: config.weight,
    priority,
    locality: [locality.region, locality.zone, locality.subZone].filter((part) => part !== '').join('/'),
    connections: stats.cx_active,
    active: stats.rq_active,
  }));
}

function text(address: Address): string {
  return addressText(address);
}
