import type { Body } from './body.ts';
import type { Cluster } from './cluster/cluster.ts';
import type { Endpoint } from './cluster/endpoint.ts';
import type { PriorityLimits } from './cluster/limits.ts';
import { Controller } from './controller.ts';
import type { Handler } from './dispatch.ts';
import type { MeshError } from './errors.ts';
import type { Headers } from './headers.ts';
import type { LocalReply } from './local-reply.ts';
import type { HttpProtocol } from './model/upstream-protocol.ts';
import type { CallOverrides } from './overrides/call-overrides.ts';
import type { ClusterShare } from './router/cluster-share.ts';
import type { SpecifiedClusters } from './router/cluster-specifier.ts';
import type { RouteEntry } from './router/route-entry.ts';
import type { RouteTable } from './router/route-table.ts';
import type { Random } from './util/random.ts';

/** The first line and the headers of a request: as the caller gave them at first, as they go upstream in the end. */
export interface Head {
  method: string;
  scheme: string;
  /** Host and port: what routing looks at and what is sent as `Host`. */
  authority: string;
  /** With the query string. */
  path: string;
  headers: Headers;
  /** The protocol to change to, such as `websocket`; null for an ordinary request. */
  readonly upgrade: string | null;
}

/** What came in with a call and steers it, read once at the door. */
export interface CallContext {
  /** How a failure before the response is told: as a sidecar's local reply, or as an error. */
  readonly failAs: 'response' | 'error';
  /** Host and port that the call is for: what listeners are asked for by. The port is always there. */
  readonly target: string;
  /** What the caller speaks: clusters may be called by the same. (use_downstream_protocol_config) */
  readonly protocol: HttpProtocol;
  /** Milliseconds without response headers, and without a byte of the body, after which the caller gives up; null for the default. */
  readonly headersTimeoutMs: number | null;
  readonly bodyTimeoutMs: number | null;
  /** What the caller asks for over what the feed says; null for nothing. */
  readonly overrides: CallOverrides | null;
  /** Hands the untouched request to what was there before the mesh; null where the door has no such way. */
  readonly passThrough: ((call: Call) => void) | null;
}

/** What filters tell of a call: by namespace, what they know by name. (envoy.config.core.v3.Metadata) */
export type DynamicMetadata = Map<string, { readonly [key: string]: unknown }>;

/** A host that a filter asks for. */
export interface OverrideHost {
  /** As `address:port`. */
  readonly host: string;
  /** No other may take its place. */
  readonly strict: boolean;
  /** Status where it may not be called and none may take its place. */
  readonly strictStatus: number;
}

/** Where an attempt is written up while it is on a connection; its host's pool tells. */
export interface AttemptBooks {
  /** A connection takes it, which speaks this. */
  attached(limits: PriorityLimits, protocol: HttpProtocol): void;
  /** The connection gives it back, unsent. */
  detached(): void;
}

/** 24 bits of each of two draws: generators give no fewer, and together they are a whole number that a double holds. */
const HALF = 2 ** 24;

/** One exchange and all that the mesh has decided about it so far. */
export class Call {
  readonly head: Head;
  /** A filter may put another in its place. */
  body: Body | null;
  readonly context: CallContext;
  readonly controller: Controller = new Controller();
  /** What the caller asks for over what the feed says, for the host that the call is for now. */
  overrides: CallOverrides | null;
  /** The routes in force when the call came. */
  table: RouteTable | null = null;
  /** Null before it was chosen, where none matches, and after a filter took the choice back. */
  route: RouteEntry | null = null;
  /** What the route chose of its clusters. */
  share: ClusterShare | null = null;
  /** What its route's cluster specifier chose; null where it has none, and until it has. */
  specified: SpecifiedClusters | null = null;
  cluster: Cluster | null = null;
  endpoint: Endpoint | null = null;
  /** What is offered by ALPN, instead of what the cluster says; null for that. */
  alpn: readonly string[] | null = null;
  /** The authority as the route wants it, once the host that was chosen has put its own in the place; null until then. */
  routedAuthority: string | null = null;
  /** Of the attempt under way; null where nobody counts it. */
  books: AttemptBooks | null = null;
  /** 1 for the first. */
  attempt = 1;
  /** True where the feed has never known the authority: the call is for what was there before the mesh. */
  passes = false;
  /** True once a connection that had served before died under it: others may be as dead, so it takes a new one from then on. */
  distrustful = false;
  /** On the mesh's clock: when the route's timeout ends the call. Infinity for none, and until the request is complete. */
  deadline: number = Number.POSITIVE_INFINITY;
  /** True once its deadline has passed: no further attempt. */
  expired = false;
  /** Endpoints of earlier attempts; null before the first retry. */
  previous: Endpoint[] | null = null;
  /** Null until a filter writes to it. */
  metadata: DynamicMetadata | null = null;
  /** Objects that filters leave for others, by name; null until one does. */
  filterState: Map<string, unknown> | null = null;
  /** The host that the first attempt goes to, where it may; null for whichever the balancer takes. */
  overrideHost: OverrideHost | null = null;
  /** Why the mesh answers in the stead of the upstream; null while it does not, or where its answer is no failure. */
  failure: MeshError | null = null;
  /** Makes another local reply of one, as the feed says; null to leave them. (local_reply_config) */
  rewriteReply: ((reply: LocalReply) => LocalReply) | null = null;
  /** Envoy's response flags for what is no failure, such as `DI` for a delay that a filter made; null for none. */
  flags: string[] | null = null;
  /** `set-cookie` of its answer; null while it gets none. */
  cookies: string[] | null = null;
  /** Who hears of the call in the end; a redirect within the mesh begins anew for it. */
  caller: Handler | null = null;
  /** Redirects that were followed within the mesh, and by which routes; null before the first. */
  redirects: { count: number; readonly routes: Set<string> } | null = null;
  #hash: bigint | null | undefined = undefined;
  #randomValue = -1;

  constructor(head: Head, body: Body | null, context: CallContext) {
    this.head = head;
    this.body = body;
    this.context = context;
    this.overrides = context.overrides;
  }

  /**
   * One whole number per call, uniform below 2^48, drawn when it is first asked for. Envoy lets one value decide all that is left to
   * chance in routing (`runtime_fraction`, `weighted_clusters`), so that asking again gives the same route; faults draw anew.
   */
  randomValue(random: Random): number {
    if (this.#randomValue < 0) this.#randomValue = Math.floor(random() * HALF) * HALF + Math.floor(random() * HALF);
    return this.#randomValue;
  }

  /** What of the call decides which endpoint is its own; null where its route says nothing, or the call has none of it. Made once for each route. */
  hash(): bigint | null {
    if (this.route === null) return null;
    if (this.#hash === undefined) this.#hash = this.route.hasher?.(this) ?? null;
    return this.#hash;
  }

  /** Forgets all that was decided, because the call begins anew: with its head as it is now. */
  restart(): void {
    this.clearRoute();
    this.table = null;
    this.share = null;
    this.specified = null;
    this.cluster = null;
    this.endpoint = null;
    this.alpn = null;
    this.routedAuthority = null;
    this.attempt = 1;
    this.previous = null;
    this.cookies = null;
    this.overrideHost = null;
    this.deadline = Number.POSITIVE_INFINITY;
  }

  /** Takes the choice of the route back, because what it was chosen by has changed: `selectRoute` chooses anew. */
  clearRoute(): void {
    this.route = null;
    this.#hash = undefined;
  }
}
