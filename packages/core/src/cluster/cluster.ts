import { type HostSet, hostSet } from '../balance/host-set.ts';
import type { Call, OverrideHost } from '../call.ts';
import type { Holder } from '../controller.ts';
import type { Handler } from '../dispatch.ts';
import { MeshError } from '../errors.ts';
import { ClusterLoad } from '../load/cluster-load.ts';
import { LoadMetrics } from '../load/load-metrics.ts';
import type { OrcaCodec } from '../load/orca.ts';
import type { ClusterConfig, RoutingPriority } from '../model/cluster.ts';
import { addressText, type ClusterLoadAssignment, type DropOverload } from '../model/endpoint.ts';
import { chosenEndpoint } from '../overrides/chosen-endpoint.ts';
import { RetryBudget } from '../resilience/budget.ts';
import type { Clock } from '../util/clock.ts';
import type { Random } from '../util/random.ts';
import { compileKeys, type KeyOf } from './compile-keys.ts';
import type { ClusterTransport, Connector } from './connection.ts';
import { sameConnections } from './connection-settings.ts';
import { Endpoint, isHealthy } from './endpoint.ts';
import { HostPools } from './host-pools.ts';
import { PriorityLimits } from './limits.ts';
import { ClusterStats } from './stats.ts';

export interface ClusterParts {
  readonly connector: Connector;
  readonly clock: Clock;
  readonly random: Random;
  /** Reads what servers say of their own load. Default: it is not read. */
  readonly orca?: OrcaCodec | undefined;
}

/**
 * A cluster that calls go to: one object from the day the feed names it to its last call. Changes of settings and of
 * endpoints are applied in place; hosts that stay keep their connections and their counters.
 */
export class Cluster {
  readonly name: string;
  readonly stats: ClusterStats = new ClusterStats();
  /** Opens its connections. */
  readonly transport: ClusterTransport;
  /** Bounds retries that the feed says nothing about. */
  readonly safeRetryBudget: RetryBudget;
  config: ClusterConfig;
  readonly clock: Clock;
  /** What calls use of it, by their priority. */
  readonly limits: { readonly [P in RoutingPriority]: PriorityLimits };
  /** Which connection to a host a call needs, by the settings in force. */
  keyOf: KeyOf;
  /** Connections that are being opened, over all hosts. */
  connecting = 0;
  /** Calls that connections have room for now, or will once they are open, over all hosts. */
  free = 0;
  /** Told when `settled` has become true. */
  onSettled: () => void = () => {};
  /** Calls that wait for their next attempt. */
  readonly backoffs: Set<Holder> = new Set();
  /** Calls that were refused by the feed's wish, by category. */
  readonly drops: Map<string, number> = new Map();
  #dropOverloads: readonly DropOverload[] = [];
  readonly #random: Random;
  readonly #orca: OrcaCodec | null;
  #load: ClusterLoad | null = null;
  #loadMetrics: LoadMetrics | null = null;
  #endpoints = new Map<string, Endpoint>();
  /** Hosts that the feed no longer names and that had calls or connections when they were last looked at. */
  readonly #leaving = new Set<Endpoint>();
  #hosts: HostSet;
  /** Settings that wait for their secrets; null for none. */
  #staged: ClusterConfig | null = null;
  #settledOnce: boolean;
  #closed = false;
  #destroyed: MeshError | null = null;

  constructor(config: ClusterConfig, parts: ClusterParts) {
    this.name = config.name;
    this.config = config;
    this.clock = parts.clock;
    this.limits = {
      default: new PriorityLimits(config.thresholds.default),
      high: new PriorityLimits(config.thresholds.high),
    };
    this.keyOf = compileKeys(config);
    this.transport = parts.connector.open(config, { onSettled: () => this.#settle(), onRotated: () => {} });
    this.#settledOnce = this.transport.settled;
    this.#random = parts.random;
    this.#orca = parts.orca ?? null;
    this.safeRetryBudget = new RetryBudget(parts.clock);
    this.#hosts = this.#table();
  }

  /** The hosts that the feed names now, chosen or not. */
  get endpoints(): ReadonlyMap<string, Endpoint> {
    return this.#endpoints;
  }

  /** True once the secrets of its connections have come, or are known not to come. */
  get settled(): boolean {
    return this.#settledOnce;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** True while it has no connections, no calls that wait for one and none that will be tried again. */
  get empty(): boolean {
    for (const endpoint of this.#known()) if (endpoint.pools?.empty === false) return false;
    return this.retriesActive === 0;
  }

  /** Retries that wait or are in flight. */
  get retriesActive(): number {
    return this.limits.default.retries + this.limits.high.retries;
  }

  limitsOf({ route }: Call): PriorityLimits {
    return route?.priority === 'high' ? this.limits.high : this.limits.default;
  }

  /** Takes the metrics of load reports out of responses; null where nobody asks for them. */
  get loadMetrics(): LoadMetrics | null {
    return this.#loadMetrics;
  }

  /** Begins to add up what is done, for load reports. */
  startLoad(): ClusterLoad {
    this.#load ??= new ClusterLoad(this, this.#endpoints.values());
    this.#chooseMetrics();
    return this.#load;
  }

  stopLoad(): void {
    this.#load = null;
    this.#loadMetrics = null;
  }

  /** New settings; the endpoints stay as they are. Calls go by the old ones while the new ones wait for secrets, as in Envoy. */
  configure(config: ClusterConfig): void {
    this.transport.configure(config);
    if (this.#settledOnce && !this.transport.settled) {
      this.#staged = config;
      return;
    }
    this.#apply(config);
    if (this.transport.settled) this.#settle();
  }

  /** Why this call is one of those that the feed wants refused; null where it is none. (drop_overloads) */
  drop(): MeshError | null {
    for (const { category, percent } of this.#dropOverloads) {
      if (this.#random() * percent.denominator >= percent.numerator) continue;
      this.stats.upstream_rq_drop_overload++;
      this.drops.set(category, (this.drops.get(category) ?? 0) + 1);
      const all = percent.numerator >= percent.denominator;
      return new MeshError(
        all ? 'unconditional_drop_overload' : 'drop_overload',
        `the feed wants ${all ? 'all' : 'a share of the'} calls refused: category ${category} (drop_overloads)`,
        { cluster: this.name },
      );
    }
    return null;
  }

  /** New endpoints; an address that stays is the same object. */
  assign(assignment: ClusterLoadAssignment): void {
    this.#dropOverloads = assignment.dropOverloads ?? [];
    for (const endpoint of this.#leaving) if (endpoint.pools?.empty !== false) this.#leaving.delete(endpoint);
    const next = new Map<string, Endpoint>();
    let changed = false;
    for (const { locality, priority, endpoints, metadata = null } of assignment.localities) {
      for (const config of endpoints) {
        const key = addressText(config.address);
        if (next.has(key)) continue;
        const known = this.#endpoints.get(key);
        if (known === undefined) changed = true;
        const endpoint = known ?? new Endpoint(config, locality, priority);
        endpoint.config = config;
        endpoint.locality = locality;
        endpoint.localityMetadata = metadata;
        endpoint.priority = priority;
        next.set(key, endpoint);
      }
    }
    for (const [key, endpoint] of this.#endpoints) {
      if (next.has(key)) continue;
      changed = true;
      endpoint.removed = true;
      endpoint.pools?.drain();
      if (endpoint.pools?.empty === false) this.#leaving.add(endpoint);
    }
    this.#endpoints = next;
    this.#load?.follow(next.values());
    if (changed) this.stats.membership_change++;
    this.#rebuild();
  }

  /** A host for the call, other than those it was sent to before if there is one; or the reason why there is none. */
  pick(call: Call): Endpoint | MeshError {
    if (this.#destroyed !== null) return this.#destroyed;
    const wish = call.overrides?.endpoint ?? null;
    if (wish !== null) {
      return chosenEndpoint(call, wish, { cluster: this.name, endpoints: this.#endpoints, random: this.#random });
    }
    const asked = call.overrideHost === null ? null : this.#override(call, call.overrideHost);
    if (asked !== null) return asked;
    const endpoint = this.#hosts.pick(call);
    if (endpoint === null) {
      this.stats.upstream_cx_none_healthy++;
      return new MeshError(
        'no_healthy_upstream',
        this.#endpoints.size === 0
          ? 'the cluster has no endpoints'
          : `none of ${this.#endpoints.size} endpoints is healthy`,
        { cluster: this.name },
      );
    }
    if (this.#hosts.panic) this.stats.lb_healthy_panic++;
    return call.previous === null ? endpoint : this.#other(call, endpoint, call.previous);
  }

  /** The host that a filter asks for, if it may be called; only for the first attempt, as in Envoy. */
  #override({ attempt }: Call, { host, strict, strictStatus: status }: OverrideHost): Endpoint | MeshError | null {
    if (attempt > 1) return null;
    const endpoint = this.#endpoints.get(host);
    if (endpoint !== undefined && (isHealthy(endpoint.health) || endpoint.health === 'degraded')) return endpoint;
    if (!strict) return null;
    const why = `the session is on ${host}, which may not be called, and it must not move (strict)`;
    return new MeshError('no_healthy_upstream', why, { cluster: this.name, status });
  }

  /** Hands a call to a connection to its host, now or once there is one. */
  connect(endpoint: Endpoint, call: Call, handler: Handler): void {
    this.poolsOf(endpoint).dispatch(call, handler);
  }

  /** The connections to a host, made with the first call. */
  poolsOf(endpoint: Endpoint): HostPools {
    endpoint.pools ??= new HostPools(this, endpoint);
    return endpoint.pools;
  }

  /** No new calls will come: connections close as their calls end. */
  close(): void {
    this.#closed = true;
    for (const endpoint of this.#endpoints.values()) endpoint.pools?.drain();
  }

  /** Ends everything now; a call that tries again is refused. */
  destroy(error: MeshError): void {
    this.#closed = true;
    this.#destroyed = error;
    for (const waiting of [...this.backoffs]) waiting.abort(error);
    for (const endpoint of [...this.#known()]) endpoint.pools?.destroy(error);
  }

  #settle(): void {
    if (this.#staged !== null) this.#apply(this.#staged);
    if (this.#settledOnce) return;
    this.#settledOnce = true;
    this.onSettled();
  }

  #apply(config: ClusterConfig): void {
    this.#staged = null;
    const same = sameConnections(this.config, config);
    this.config = config;
    this.limits.default.max = config.thresholds.default;
    this.limits.high.max = config.thresholds.high;
    this.keyOf = compileKeys(config);
    this.#chooseMetrics();
    this.#rebuild();
    if (!same) for (const endpoint of [...this.#known()]) endpoint.pools?.renew();
  }

  #chooseMetrics(): void {
    const names = this.config.loadMetrics;
    const load = this.#load;
    const orca = this.#orca;
    this.#loadMetrics =
      load === null || orca === null || names.length === 0 ? null : new LoadMetrics(names, orca, load);
  }

  *#known(): Iterable<Endpoint> {
    yield* this.#endpoints.values();
    yield* this.#leaving;
  }

  /** Picks again, as often as the route allows, to avoid hosts that were tried. (previous_hosts) */
  #other(call: Call, first: Endpoint, previous: readonly Endpoint[]): Endpoint {
    let endpoint = first;
    const attempts = call.route?.retryPolicy.hostSelectionRetryMaxAttempts ?? 1;
    for (let i = 0; i < attempts && previous.includes(endpoint); i++) endpoint = this.#hosts.pick(call) ?? endpoint;
    return endpoint;
  }

  #table(): HostSet {
    return hostSet([...this.#endpoints.values()], {
      lb: this.config.lb,
      healthyPanicThreshold: this.config.healthyPanicThreshold,
      random: this.#random,
    });
  }

  #rebuild(): void {
    this.#hosts = this.#table();
    this.stats.membership_total = this.#endpoints.size;
    this.stats.membership_healthy = this.#hosts.healthy;
  }
}
