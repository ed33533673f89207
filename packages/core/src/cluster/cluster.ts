import type { Call } from '../call.ts';
import type { Holder } from '../controller.ts';
import type { Handler } from '../dispatch.ts';
import { MeshError } from '../errors.ts';
import { ClusterLoad } from '../load/cluster-load.ts';
import { LoadMetrics } from '../load/load-metrics.ts';
import type { OrcaCodec } from '../load/orca.ts';
import type { ClusterConfig, RoutingPriority } from '../model/cluster.ts';
import { addressText, type ClusterLoadAssignment } from '../model/endpoint.ts';
import { HTTP1_UPSTREAM } from '../model/upstream-protocol.ts';
import { RetryBudget } from '../resilience/budget.ts';
import type { Clock } from '../util/clock.ts';
import type { Random } from '../util/random.ts';
import type { BytesCallback } from './byte-streams.ts';
import { compileKeys, type KeyOf } from './compile-keys.ts';
import type { ClusterTransport, Connecting, Connector } from './connection.ts';
import { keepingConnections, sameConnections } from './connection-settings.ts';
import { DropOverloads } from './drop-overloads.ts';
import { Endpoint } from './endpoint.ts';
import { HostChoice } from './host-choice.ts';
import { HostPools } from './host-pools.ts';
import { PriorityLimits } from './limits.ts';
import { originalDestination } from './original-destination.ts';
import { preconnect } from './preconnect.ts';
import { letGo } from './rotation.ts';
import { ClusterStats } from './stats.ts';

export interface ClusterParts {
  readonly connector: Connector;
  readonly clock: Clock;
  /** The clock as it was some milliseconds ago, for less than a look at it costs. Default: the clock. */
  readonly lately?: (() => number) | undefined;
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
  readonly lately: () => number;
  /** What calls use of it, by their priority. */
  readonly limits: { readonly [P in RoutingPriority]: PriorityLimits };
  /** Which connection to a host a call needs, by the settings in force. */
  keyOf: KeyOf;
  /** The same for streams of bytes; made with the first one. */
  #bytesKeyOf: KeyOf | null = null;
  /** Connections that are being opened, over all hosts. */
  connecting = 0;
  /** Calls that connections have room for now, or will once they are open, over all hosts. */
  free = 0;
  /** Told when `settled` has become true. */
  onSettled: () => void = () => {};
  /** Calls that wait for their next attempt. */
  readonly backoffs: Set<Holder> = new Set();
  readonly drops: DropOverloads;
  readonly #random: Random;
  readonly #orca: OrcaCodec | null;
  #load: ClusterLoad | null = null;
  #loadMetrics: LoadMetrics | null = null;
  #endpoints = new Map<string, Endpoint>();
  /** Hosts that the feed no longer names and that had calls or connections when they were last looked at. */
  readonly #leaving = new Set<Endpoint>();
  readonly #choice: HostChoice;
  /** Settings that wait for their secrets; null for none. */
  #staged: ClusterConfig | null = null;
  #settledOnce: boolean;
  #closed = false;
  #destroyed: MeshError | null = null;

  constructor(config: ClusterConfig, parts: ClusterParts) {
    this.name = config.name;
    this.config = config;
    this.clock = parts.clock;
    this.lately = parts.lately ?? (() => parts.clock.now());
    this.limits = {
      default: new PriorityLimits(config.thresholds.default),
      high: new PriorityLimits(config.thresholds.high),
    };
    this.keyOf = compileKeys(config);
    this.transport = parts.connector.open(config, {
      onSettled: () => this.#settle(),
      onRotated: () => this.#rotated(),
    });
    this.#settledOnce = this.transport.settled;
    this.#random = parts.random;
    this.#orca = parts.orca ?? null;
    this.safeRetryBudget = new RetryBudget(parts.clock);
    this.drops = new DropOverloads({ cluster: config.name, stats: this.stats, random: parts.random });
    this.#choice = new HostChoice(config, this.stats, parts.random);
    this.#rebuild();
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
  configure(wanted: ClusterConfig): void {
    const config = keepingConnections(this.config, wanted);
    this.transport.configure(config);
    if (this.#settledOnce && !this.transport.settled) {
      this.#staged = config;
      return;
    }
    this.#apply(config);
    if (this.transport.settled) this.#settle();
  }

  /** New endpoints; an address that stays is the same object. */
  assign(assignment: ClusterLoadAssignment): void {
    this.drops.follow(assignment.dropOverloads ?? []);
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
    if (changed && this.config.pool.closeOnHostSetChange) for (const { pools } of next.values()) pools?.retireAll();
  }

  /** A host for the call, other than those it was sent to before if there is one; or the reason why there is none. */
  pick(call: Call): Endpoint | MeshError {
    if (this.#destroyed !== null) return this.#destroyed;
    if (this.config.discovery.kind === 'original_dst') return originalDestination(call, this.#endpoints);
    return this.#choice.pick(call);
  }

  /** The host that the balancer would choose after those that were predicted already; null for nobody knows. */
  predict(call: Call): Endpoint | null {
    return this.#choice.predict(call);
  }

  /** Hands a call to a connection to its host, now or once there is one. */
  connect(endpoint: Endpoint, call: Call, handler: Handler): void {
    if (this.config.pool.preconnect.predictiveRatio > 1) preconnect(this, call);
    this.poolsOf(endpoint).dispatch(call, handler);
  }

  /** A stream of bytes to a host, without HTTP and what it says of names. Its limits are those of the call's priority. */
  connectBytes(endpoint: Endpoint, call: Call, callback: BytesCallback): Connecting {
    this.#bytesKeyOf ??= compileKeys({ ...this.config, protocol: HTTP1_UPSTREAM });
    return this.poolsOf(endpoint).bytes.open(this.#bytesKeyOf(endpoint, call), this.limitsOf(call), callback);
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

  /** New certificates or roots are in force: connections that were made with others go, by and by. */
  #rotated(): void {
    const open = [...this.#known()].flatMap(({ pools }) => pools?.connections ?? []);
    const old = open.filter(({ connection }) => connection === null || connection.tls !== null);
    const why = 'the connection was made with certificates that are in force no more';
    const error = new MeshError('connection_termination', why, { cluster: this.name });
    letGo(old, { clock: this.clock, random: this.#random, error });
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
    this.#bytesKeyOf = null;
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

  #rebuild(): void {
    this.#choice.rebuild(this.config, this.#endpoints);
  }
}
