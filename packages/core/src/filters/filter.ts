import type { Call } from '../call.ts';
import type { MeshError } from '../errors.ts';
import type { Headers } from '../headers.ts';
import type { FilterOverride } from '../model/http-filter.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Clock } from '../util/clock.ts';
import type { Random } from '../util/random.ts';
import type { RegexEngine } from '../util/regex.ts';

/**
 * What a hook says: nothing, and the message goes on; `stop`, and it goes on when the filter calls back; a promise, and
 * it goes on when that is fulfilled. Only a filter that waits makes a call asynchronous.
 */
export type FilterStatus = void | 'stop' | Promise<void>;

/**
 * A filter's part in one call. Every hook may be left out, and costs nothing then.
 *
 * A request meets the filters in the order of the feed, its response in the opposite one: also an answer that the mesh
 * gives itself, and then also by filters which the request never came to.
 */
export interface HttpFilter {
  /** The request's head, in `callbacks.call.head`, may be changed. */
  onRequestHeaders?(callbacks: FilterCallbacks): FilterStatus;
  onResponseHeaders?(callbacks: FilterCallbacks, response: FilterResponse): FilterStatus;
  /** Gives what goes on in the place of the chunk; null for nothing. Data keep coming while this filter holds the headers. */
  onResponseData?(callbacks: FilterCallbacks, chunk: Uint8Array): Uint8Array | null;
  /** After the last chunk, also where there are no trailers. */
  onResponseTrailers?(callbacks: FilterCallbacks, trailers: Headers): FilterStatus;
  /** Last, whichever way the call ended; nothing that the filter says after it has an effect. */
  onDone?(): void;
}

/** The head of a response, as filters may change it. */
export interface FilterResponse {
  status: number;
  readonly headers: Headers;
  readonly message: string;
}

/** What a filter can do about its call. */
export interface FilterCallbacks {
  readonly call: Call;
  /** Goes on with a request that was stopped. */
  continueRequest(): void;
  /** Goes on with response headers, or with the end of a response, that were stopped. */
  continueResponse(): void;
  /** Sends bytes of the response on, beside what `onResponseData` gives. */
  sendData(chunk: Uint8Array): void;
  /** Stops the upstream's response from coming, and lets it come again. */
  pauseResponse(): void;
  resumeResponse(): void;
  /** Answers in the stead of the upstream, or in the place of its response while the headers of that have not gone on. */
  reply(reply: FilterReply): void;
  /**
   * The whole body of the request, which then stays in memory for the filters after this one and for all attempts; null
   * where it is longer than `limit` bytes: such a request cannot be sent any more, only answered.
   */
  readBody(limit: number): Promise<Uint8Array | null>;
}

export interface FilterReply {
  readonly status: number;
  /** Text is UTF-8. Default: none. */
  readonly body?: string | Uint8Array;
  /** Default: `text/plain`. */
  readonly contentType?: string;
  /** Further headers as flat pairs. Default: none. */
  readonly headers?: readonly string[];
  /** Status for a gRPC call. Default: what gRPC makes of the HTTP status. */
  readonly grpcStatus?: number;
  /** Why the call failed, where the answer is a failure: what a caller that asked for errors is given. Default: it is none. */
  readonly error?: MeshError;
}

/** A filter made ready for a route. Calls go through it side by side, so it keeps no state of a call. */
export interface FilterFactory {
  /** Asked when the request comes to the filter. Null where it has no part in this call; the same object each time where it keeps nothing of a call. */
  create(call: Call): HttpFilter | null;
  /**
   * For one that only stands for others: those that take its place in this call, in their order; asked instead of `create`. `answered`: the
   * request was answered before it came here, and they meet the response only.
   */
  choose?(call: Call, answered: boolean): readonly FilterFactory[];
}

/** A kind of filter: a row of the table that an entry of `http_filters` is looked up in. */
export interface FilterType<Config = unknown, Override = Config> {
  /**
   * Made once for each combination of configurations, however many routes share it. `overrides`: of the route configuration,
   * the virtual host, the route and the weighted cluster, as far as they have any, in this order. Null: it does nothing.
   */
  compile(config: Config, overrides: readonly Override[], environment: FilterEnvironment): FilterFactory | null;
  /** True for one that other filters stand in: it is handed the overrides of all types under its name, as `FilterOverride`. Default: false. */
  readonly embeds?: boolean;
}

/** What a filter of a type is handed of the overrides under its name: an override for another type of filter is nobody's, as in Envoy. */
export function overridesOf(
  type: FilterType,
  typeUrl: string,
  overrides: readonly FilterOverride[],
): readonly unknown[] {
  if (type.embeds === true) return overrides;
  return overrides.filter((each) => each.filterTypeUrl === typeUrl).map((each) => each.config);
}

/** What filters are handed. */
export interface FilterEnvironment {
  readonly clock: Clock;
  readonly random: Random;
  readonly runtime: Runtime;
  readonly regex: RegexEngine;
  /** Who this process is to its peers in an Istio mesh; null where it does not say. */
  readonly peer: PeerIdentity | null;
  /** Of the entry of `http_filters`. */
  readonly name: string;
  /** Of the connection manager: what the names of statistics begin with. */
  readonly statPrefix: string;
  /** Counters and gauges under Envoy's names. */
  readonly stats: FilterStats;
}

/** What peers are told of this process. */
export interface PeerIdentity {
  readonly id: string;
  /** What `x-envoy-peer-metadata` holds: a google.protobuf.Struct in base64. */
  readonly metadata: string;
}

/** Counters and gauges of filters under Envoy's full names, such as `http.outbound.fault.aborts_injected`. */
export type FilterStats = { [name: string]: number };

export function newFilterStats(): FilterStats {
  return Object.create(null) as FilterStats;
}

export function count(stats: FilterStats, name: string, by = 1): void {
  stats[name] = (stats[name] ?? 0) + by;
}
