import type { Call } from '../call.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { RouteStats } from '../cluster/stats.ts';
import { MeshError } from '../errors.ts';
import type { HttpFilterChain } from '../filters/chain.ts';
import type { FilterCompiler } from '../filters/compile.ts';
import type { Shown } from '../format/shown.ts';
import type { LocalReply } from '../local-reply.ts';
import type { RoutingPriority } from '../model/cluster.ts';
import type { Listener } from '../model/listener.ts';
import type { ForwardAction, Route, RouteConfiguration, VirtualHost, WeightedCluster } from '../model/route.ts';
import { type CompiledRetryPolicy, compileRetryPolicy } from '../resilience/retry-policy.ts';
import type { Random } from '../util/random.ts';
import type { RegexEngine } from '../util/regex.ts';
import { compileAnswer } from './answer.ts';
import type { HeaderMutator } from './header-mutation.ts';
import { compilePath, type PathMatcher, pathOnly } from './path.ts';
import { compileHostRewrite, compilePathRewrite, type RouteRewrites } from './rewrite.ts';
import { routeMutations } from './route-mutations.ts';

/** A cluster that a route may choose, or why it cannot be called; null while the feed has not told. */
export type ClusterChoice = Cluster | MeshError | null;

export interface RouteTableParts {
  readonly listener: Listener;
  readonly config: RouteConfiguration;
  readonly virtualHost: VirtualHost;
  /** Each cluster that the virtual host names, as far as it is known. */
  readonly clusterOf: (name: string, action: ForwardAction) => ClusterChoice;
  readonly random: Random;
  /** For the patterns of the routes. */
  readonly regex: RegexEngine;
  readonly filters: FilterCompiler;
  /** The table that this one takes the place of: routes that stay keep their counters. */
  readonly previous?: RouteTable | null;
}

/** A cluster that a route may choose, and how its calls are changed. */
export interface ClusterShare {
  readonly name: string;
  readonly weight: number;
  /** Sum of the weights up to this one. */
  readonly upTo: number;
  readonly choice: ClusterChoice;
  readonly mutateRequest: HeaderMutator | null;
  readonly rewrites: RouteRewrites | null;
  readonly mutateResponse: HeaderMutator | null;
  readonly filters: HttpFilterChain;
}

/** A route made ready: everything that does not depend on the call is worked out. */
export class RouteEntry {
  readonly config: Route;
  readonly name: string;
  readonly virtualHost: VirtualHost;
  readonly priority: RoutingPriority;
  /** Milliseconds; 0 for none. */
  readonly timeoutMs: number;
  readonly retryPolicy: CompiledRetryPolicy;
  /** The filters of its calls; those of a weighted cluster that overrides some are its own. */
  readonly #filters: HttpFilterChain;
  readonly #filtersDiffer: boolean;
  /** Why a call that matches must not be taken on; null where nothing speaks against it. */
  readonly refusal: MeshError | null;
  readonly stats: RouteStats;
  /** True while the feed has not told about a cluster that it may choose: its calls wait, those of other routes do not. */
  readonly pending: boolean;
  /** What is done to the headers of answers that no cluster gives. */
  readonly mutateResponse: HeaderMutator | null;
  /** What the route itself answers; null for one that forwards. */
  readonly answer: ((shown: Shown) => LocalReply) | null;
  readonly #shares: readonly ClusterShare[];
  readonly #totalWeight: number;
  readonly #random: Random;

  constructor(config: Route, parts: RouteTableParts, stats: RouteStats) {
    const { virtualHost, clusterOf, random, listener } = parts;
    const { action } = config;
    const forward = action.kind === 'forward' ? action : null;
    this.config = config;
    this.stats = stats;
    this.name = config.name;
    this.virtualHost = virtualHost;
    this.priority = forward?.priority ?? 'default';
    this.timeoutMs = forward?.timeoutMs ?? 0;
    this.retryPolicy = compileRetryPolicy(forward?.retryPolicy ?? virtualHost.retryPolicy);
    const overrides = [parts.config.filters, virtualHost.filters, config.filters].filter((each) => each !== undefined);
    this.#filters = parts.filters.chain(listener, overrides);
    this.refusal =
      config.unsupported.length === 0
        ? this.#filters.refusal
        : new MeshError('unsupported', `the route needs what this version lacks: ${config.unsupported.join(', ')}`, {
            listener: parts.listener.name,
            route: routeLabel(config, virtualHost),
          });
    this.#random = random;
    this.#totalWeight = forward?.totalWeight ?? 0;
    let upTo = 0;
    this.answer = compileAnswer(config, parts.regex);
    const levels = { config: parts.config, virtualHost, route: config };
    this.mutateResponse = routeMutations('response', levels, null);
    this.#shares = (forward?.clusters ?? [])
      .filter(({ weight }) => weight > 0)
      .map((share): ClusterShare => {
        const { name, weight } = share;
        upTo += weight;
        return {
          name,
          weight,
          upTo,
          choice: clusterOf(name, forward as ForwardAction),
          mutateRequest: routeMutations('request', levels, share),
          rewrites: rewritesOf(config, forward as ForwardAction, share, parts.regex),
          mutateResponse: routeMutations('response', levels, share),
          filters:
            share.filters === undefined ? this.#filters : parts.filters.chain(listener, [...overrides, share.filters]),
        };
      });
    this.#filtersDiffer = this.#shares.some(({ filters }) => filters !== this.#filters);
    this.pending = this.#shares.some(({ choice }) => choice === null);
  }

  /** A cluster by the routes' weights; null where none has any. (envoy.config.route.v3.WeightedCluster) */
  choose(call: Call): ClusterShare | null {
    const shares = this.#shares;
    if (shares.length <= 1) return shares[0] ?? null;
    const point = call.randomValue(this.#random) % this.#totalWeight;
    for (const share of shares) if (point < share.upTo) return share;
    return shares.at(-1) ?? null;
  }

  /** The filters of a call: which cluster it will be sent to is settled with its route, as in Envoy. */
  filters(call: Call): HttpFilterChain {
    return this.#filtersDiffer ? (this.choose(call)?.filters ?? this.#filters) : this.#filters;
  }

  /** Why there is no cluster to go to. */
  noCluster(): MeshError {
    const why = this.pending ? 'the feed has not told about the cluster yet' : 'the route gives weight to no cluster';
    return new MeshError('no_cluster', why, { route: this.label });
  }

  /** Every cluster that the route may choose, for `explain`. */
  choices(): readonly ClusterShare[] {
    return this.#shares;
  }

  /** For errors and `explain`: the route's name, else what it matches. */
  get label(): string {
    return routeLabel(this.config, this.virtualHost);
  }
}

/** Null where nothing is rewritten, which costs nothing then. */
function rewritesOf(
  { path }: Route,
  action: ForwardAction,
  share: WeightedCluster,
  regex: RegexEngine,
): RouteRewrites | null {
  const { pathRewrite, hostRewrite, appendXForwardedHost } = action;
  const host = share.hostRewrite === '' ? hostRewrite : ({ kind: 'literal', value: share.hostRewrite } as const);
  if (pathRewrite === null && host === null) return null;
  return {
    path: pathRewrite === null ? null : compilePathRewrite(pathRewrite, path, regex),
    host: host === null ? null : compileHostRewrite(host, regex),
    autoHost: host?.kind === 'auto',
    notes: { forwardedHost: appendXForwardedHost, original: true },
  };
}

export function routeLabel({ name, path }: Route, virtualHost: VirtualHost): string {
  return `${virtualHost.name}/${name !== '' ? name : path === null ? '?' : `${path.kind} ${path.value}`}`;
}

/** The routes of one virtual host, as calls to one authority see them. Swapped as a whole when the feed changes. */
export class RouteTable {
  readonly listener: Listener;
  readonly routeConfiguration: RouteConfiguration;
  readonly virtualHost: VirtualHost;
  readonly routes: readonly { readonly matches: PathMatcher; readonly route: RouteEntry }[];
  /** The filters of calls that no route matches. */
  readonly filters: HttpFilterChain;
  /** True while the feed has not told about every cluster that the routes name. */
  readonly pending: boolean;

  constructor(parts: RouteTableParts) {
    this.listener = parts.listener;
    this.routeConfiguration = parts.config;
    this.virtualHost = parts.virtualHost;
    this.filters = parts.filters.chain(parts.listener);
    const known = new Map(parts.previous?.routes.map(({ route }) => [route.label, route.stats]));
    this.routes = parts.virtualHost.routes.map((route) => ({
      matches: route.path === null ? anyPath : compilePath(route.path, parts.regex),
      route: new RouteEntry(route, parts, known.get(routeLabel(route, parts.virtualHost)) ?? new RouteStats()),
    }));
    this.pending = this.routes.some(({ route }) => route.pending);
  }

  /** True where the call has to wait for the feed. */
  awaits(call: Call): boolean {
    return this.pending && this.match(call)?.pending === true;
  }

  /** The first route that matches, as Envoy takes it. */
  match({ head }: Call): RouteEntry | null {
    const bare = pathOnly(head.path);
    for (const { matches, route } of this.routes) if (matches(bare)) return route;
    return null;
  }
}

function anyPath(): boolean {
  return true;
}
