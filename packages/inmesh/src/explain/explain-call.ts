import { Call, type CallOverrides, type Clock, Headers, isMeshError } from '@inmesh/core';
import type { FlavourInForce, JoinedAuthority, OutsideMesh } from '@inmesh/xds';
import { explainClusters } from './clusters.ts';
import type { Explanation } from './explanation.ts';
import { explainFilters } from './filters.ts';
import { explainRoutes } from './routes.ts';
import { explainRules } from './rules.ts';
import type { TlsStateOf } from './transports.ts';

/** The call that is asked about. */
export interface AskedCall {
  readonly url: URL;
  /** Host and port, the port always there. */
  readonly target: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly overrides: CallOverrides | null;
}

export interface ExplainInput {
  readonly asked: AskedCall;
  readonly mesh: boolean;
  readonly entry: JoinedAuthority | null;
  readonly outsideMesh: OutsideMesh;
  readonly clock: Clock;
  readonly tlsState: TlsStateOf;
  /** Where the configuration comes from now, as an operator names it. */
  readonly origin: string;
  readonly flavour: FlavourInForce;
}

export function explainCall(input: ExplainInput): Explanation {
  const { asked, mesh, entry, outsideMesh, clock, tlsState, origin, flavour } = input;
  const { url, method, overrides } = asked;
  const why: string[] = [];
  const result = (verdict: Explanation['verdict'], found: Partial<Explanation> = {}): Explanation => ({
    url: url.href,
    method,
    verdict,
    why,
    listener: null,
    routeConfiguration: null,
    virtualHost: null,
    route: null,
    routes: [],
    filters: [],
    rules: [],
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
  const cluster = overrides?.cluster ?? null;
  if (entry.table === null) {
    if (entry.error === null) {
      why.push(`${origin} has not told about ${entry.target} yet: calls are held`);
      return result('unknown');
    }
    why.push(entry.error.message);
    const passes = entry.absent && outsideMesh === 'passThrough' && cluster === null;
    if (passes) why.push(`${origin} has no say in calls to ${entry.target}: they pass through`);
    return result(passes ? 'pass-through' : 'refused');
  }
  const { table } = entry;
  why.push(`listener ${table.listener.name} answers for ${entry.target}`);
  if (table.refusal !== null) {
    why.push(`${table.refusal.message}: 404, flag NR`);
    return result('refused', {
      listener: table.listener.name,
      routeConfiguration: table.routeConfiguration.name,
      filters: explainFilters(table, null, callOf(asked)),
    });
  }
  why.push(
    `virtual host ${table.virtualHost.name} (${table.virtualHost.domains.join(', ')}) is the best match for ${entry.authority}`,
  );
  const call = callOf(asked);
  // What the connection manager makes of a request decides which route it takes.
  const admit = (each: Call) =>
    table.manager?.admit(each, { requestId: () => SOME_ID, now: () => clock.wallNow() }) ?? null;
  const admission = admit(call);
  if (admission !== null) {
    why.push(isMeshError(admission) ? admission.message : `the path is sent back to be asked as ${admission.redirect}`);
    return result(isMeshError(admission) ? 'refused' : 'mesh', {
      listener: table.listener.name,
      routeConfiguration: table.routeConfiguration.name,
      virtualHost: table.virtualHost.name,
    });
  }
  const route = table.match(call);
  const found = {
    listener: table.listener.name,
    routeConfiguration: table.routeConfiguration.name,
    virtualHost: table.virtualHost.name,
    routes: explainRoutes(table, call, route),
    filters: explainFilters(table, route, call),
  };
  const path = url.pathname + url.search;
  if (route === null) {
    why.push(`none of its ${table.routes.length} routes matches ${path}: 404, flag NR`);
    return result('refused', found);
  }
  const position = table.routes.findIndex((candidate) => candidate.route === route) + 1;
  why.push(`route ${position} of ${table.routes.length} (${route.label}) is the first that matches ${path}`);
  const chosen = { ...found, route: route.label };
  if (route.refusal !== null) {
    why.push(route.refusal.message);
    return result('refused', chosen);
  }
  const active = found.filters.filter(({ state }) => state === 'active').map(({ name }) => name);
  if (active.length > 0) why.push(`its HTTP filters: ${active.join(', ')}`);
  const { action } = route.config;
  if (action.kind === 'direct_response') why.push(`the route answers by itself: ${action.status}`);
  if (action.kind === 'redirect') why.push(`the route redirects: ${action.status}`);
  if (cluster !== null)
    why.push(`the caller asks for cluster ${cluster}${action.kind === 'forward' ? '' : ', in vain'}`);
  const again = () => {
    const each = callOf(asked);
    admit(each);
    return each;
  };
  const clusters = explainClusters(route, again, { clock, tlsState, why });
  const share = cluster === null ? null : route.choose(call);
  const rules = explainRules(table, route.config, share === null ? route.choices() : [share], overrides);
  const onward = { ...chosen, clusters, rules };
  if (clusters.length === 0 || clusters.some(({ passesThrough }) => !passesThrough)) {
    return result('mesh', onward);
  }
  return result(outsideMesh === 'refuse' ? 'refused' : 'pass-through', onward);
}

/** In the place of the one that each call gets. */
const SOME_ID = '00000000-0000-4000-8000-000000000000';

/** As the door would make it. */
export function callOf({ url, target, method, headers: given, overrides }: AskedCall): Call {
  const headers = Headers.empty();
  let authority = url.host;
  for (const [name, value] of Object.entries(given)) {
    if (name.toLowerCase() === 'host') authority = String(value);
    else for (const one of [value].flat()) headers.append(name, one);
  }
  for (let i = 0; overrides !== null && i < overrides.headers.length; i += 2) {
    headers.set(overrides.headers[i] as string, overrides.headers[i + 1] as string);
  }
  const path = url.pathname + url.search;
  return new Call({ method, scheme: 'http', authority, path, headers, upgrade: null }, null, {
    failAs: 'error',
    target,
    headersTimeoutMs: null,
    bodyTimeoutMs: null,
    overrides,
    protocol: 'http1',
    passThrough: null,
  });
}
