import type { Call } from '../call.ts';
import type { RouteStats } from '../cluster/stats.ts';
import { MeshError } from '../errors.ts';
import type { HttpFilterChain } from '../filters/chain.ts';
import type { FilterCompiler } from '../filters/compile.ts';
import type { Shown } from '../format/shown.ts';
import type { LocalReply } from '../local-reply.ts';
import type { RoutingPriority } from '../model/cluster.ts';
import type { FilterOverrides, RouterConfig } from '../model/http-filter.ts';
import type { InternalRedirectPolicy } from '../model/internal-redirect.ts';
import type { Listener } from '../model/listener.ts';
import type { ForwardAction, Route, RouteConfiguration, VirtualHost, WeightedCluster } from '../model/route.ts';
import { type CompiledRetryPolicy, compileRetryPolicy } from '../resilience/retry-policy.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Random } from '../util/random.ts';
import type { RegexEngine } from '../util/regex.ts';
import { compileAnswer } from './answer.ts';
import { AskedShares } from './asked-shares.ts';
import { ClusterShare, type ClusterShareParts } from './cluster-share.ts';
import { compileMirrors, type Mirror } from './compile-mirrors.ts';
import { type CallHasher, compileHashPolicies } from './hash-policy.ts';
import type { HeaderMutator } from './header-mutation.ts';
import { type MutationLevels, routeMutations } from './route-mutations.ts';
import { corsOfRoutes } from './routes-cors.ts';
import { WeightedShares } from './weighted-shares.ts';

export interface RouteParts extends Pick<ClusterShareParts, 'clusterOf' | 'namedCluster' | 'specifierOf'> {
  readonly listener: Listener;
  readonly config: RouteConfiguration;
  readonly virtualHost: VirtualHost;
  readonly random: Random;
  readonly runtime: Runtime;
  /** For the patterns of the routes. */
  readonly regex: RegexEngine;
  readonly filters: FilterCompiler;
}

/** A route made ready: everything that does not depend on the call is worked out. */
export class RouteEntry {
  readonly config: Route;
  readonly name: string;
  readonly virtualHost: VirtualHost;
  readonly priority: RoutingPriority;
  /** Milliseconds; 0 for none. */
  readonly timeoutMs: number;
  /** Null for the connection manager's. */
  readonly idleTimeoutMs: number | null;
  readonly maxStreamDurationMs: number | null;
  readonly retryPolicy: CompiledRetryPolicy;
  /** The filters of its calls; those of a weighted cluster that overrides some are its own. */
  readonly #filters: HttpFilterChain;
  readonly #filtersDiffer: boolean;
  /** Why a call that matches must not be taken on; null where nothing speaks against it. */
  readonly refusal: MeshError | null;
  readonly stats: RouteStats;
  /** True while the feed has not told about a cluster that it may choose: its calls wait, those of other routes do not. */
  readonly pending: boolean;
  /** True where calls may name their clusters. */
  readonly byCall: boolean;
  /** What is done to the headers of answers that no cluster gives. */
  readonly mutateResponse: HeaderMutator | null;
  /** What the route itself answers; null for one that forwards. */
  readonly answer: ((shown: Shown) => LocalReply) | null;
  /** False where the router tells nothing of itself in headers. (suppress_envoy_headers) */
  readonly envoyHeaders: boolean;
  readonly internalRedirects: InternalRedirectPolicy | null;
  /** Null where it has no hash policy. */
  readonly hasher: CallHasher | null;
  /** Where copies of its requests go. */
  readonly mirrors: readonly Mirror[];
  readonly #shares: readonly ClusterShare[];
  readonly #weighted: WeightedShares | null;
  /** For calls whose caller names the cluster; null where the route forwards nothing. */
  readonly #asked: AskedShares | null;

  constructor(config: Route, parts: RouteParts, stats: RouteStats) {
    const { virtualHost, listener } = parts;
    const { action } = config;
    const forward = action.kind === 'forward' ? action : null;
    this.config = config;
    this.stats = stats;
    this.name = config.name;
    this.virtualHost = virtualHost;
    this.priority = forward?.priority ?? 'default';
    this.timeoutMs = forward?.timeoutMs ?? 0;
    this.idleTimeoutMs = forward?.idleTimeoutMs ?? null;
    this.maxStreamDurationMs = forward?.maxStreamDurationMs ?? null;
    this.retryPolicy = compileRetryPolicy(forward?.retryPolicy ?? virtualHost.retryPolicy);
    const overrides = [parts.config.filters, virtualHost.filters, config.filters].filter((each) => each !== undefined);
    overrides.push(...corsOfRoutes(listener, virtualHost, action, overrides));
    this.#filters = parts.filters.chain(listener, overrides);
    this.refusal =
      config.unsupported.length === 0
        ? this.#filters.refusal
        : new MeshError('unsupported', `the route needs what this version lacks: ${config.unsupported.join(', ')}`, {
            listener: parts.listener.name,
            route: routeLabel(config, virtualHost),
          });
    this.envoyHeaders = !suppressesHeaders(listener);
    this.internalRedirects = forward?.internalRedirects ?? null;
    this.hasher = compileHashPolicies(forward?.hashPolicies ?? [], parts);
    this.answer = compileAnswer(config, parts.regex);
    const levels = { config: parts.config, virtualHost, route: config };
    this.mirrors = forward === null ? [] : compileMirrors({ ...parts, action: forward });
    this.mutateResponse = routeMutations('response', levels, null);
    this.#shares = forward === null ? [] : this.#sharesOf(forward, parts, levels, overrides);
    this.#weighted = forward === null ? null : new WeightedShares(forward, this.#shares, parts);
    this.#asked =
      forward === null
        ? null
        : new AskedShares(forward, this.#shares, (share) => this.#shareOf(share, forward, parts, levels, overrides));
    this.#filtersDiffer = this.#shares.some(({ filters }) => filters !== this.#filters);
    this.pending = this.#shares.some(({ choice, byCall }) => choice === null && !byCall);
    this.byCall = this.#shares.some(({ byCall }) => byCall);
  }

  #sharesOf(
    action: ForwardAction,
    parts: RouteParts,
    levels: MutationLevels,
    overrides: readonly FilterOverrides[],
  ): ClusterShare[] {
    return action.clusters
      .filter(({ weight }) => weight > 0 || action.runtimeKeyPrefix !== '')
      .map((share) => this.#shareOf(share, action, parts, levels, overrides));
  }

  #shareOf(
    share: WeightedCluster,
    action: ForwardAction,
    { clusterOf, namedCluster, specifierOf, regex, filters, listener }: RouteParts,
    levels: MutationLevels,
    overrides: readonly FilterOverrides[],
  ): ClusterShare {
    const chain = share.filters === undefined ? this.#filters : filters.chain(listener, [...overrides, share.filters]);
    const { envoyHeaders } = this;
    return new ClusterShare(share, {
      action,
      levels,
      regex,
      clusterOf,
      namedCluster,
      specifierOf,
      filters: chain,
      envoyHeaders,
    });
  }

  /** A cluster by the routes' weights; null where none has any. (envoy.config.route.v3.WeightedCluster) */
  choose(call: Call): ClusterShare | null {
    const asked = call.overrides?.cluster ?? null;
    if (asked !== null) return this.#asked?.share(asked) ?? null;
    return this.#weighted?.choose(call) ?? null;
  }

  /** True where the call has to wait for the feed. */
  awaits(call: Call): boolean {
    if ((call.overrides?.cluster ?? null) !== null) {
      return this.choose(call)?.clusterOf(call) === null;
    }
    if (this.pending) return true;
    return this.byCall && this.choose(call)?.clusterOf(call) === null;
  }

  /** The filters of a call: which cluster it will be sent to is settled with its route, as in Envoy. */
  filters(call: Call): HttpFilterChain {
    const differ = this.#filtersDiffer || (call.overrides?.cluster ?? null) !== null;
    return differ ? (this.choose(call)?.filters ?? this.#filters) : this.#filters;
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

function suppressesHeaders({ http }: Listener): boolean {
  const router = http?.httpFilters.find(({ support }) => support === 'terminal');
  return (router?.config as RouterConfig | null | undefined)?.suppressEnvoyHeaders ?? false;
}

export function routeLabel({ name, path }: Route, virtualHost: VirtualHost): string {
  return `${virtualHost.name}/${name !== '' ? name : path === null ? '?' : `${path.kind} ${path.value}`}`;
}
