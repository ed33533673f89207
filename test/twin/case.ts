import type { ServerKind } from './upstream/servers.ts';

/** A header as it is written and read: order, repetition and letter case count. */
export type Pair = readonly [name: string, value: string];

/** What a recorder does with a request. Default: `200`, and its name in the body. */
export interface Answer {
  readonly status?: number;
  readonly headers?: readonly Pair[];
  readonly body?: string;
  readonly trailers?: readonly Pair[];
  /** Interim responses before the final one, by their status. */
  readonly informational?: readonly number[];
  /** Milliseconds before it answers. */
  readonly delayMs?: number;
  /** It answers once this is fulfilled. */
  readonly gate?: Promise<void>;
  /** It never answers: whoever waits must give up by himself. */
  readonly silent?: boolean;
  /** The connection is reset: before anything was answered, or after headers and body were. */
  readonly reset?: 'before' | 'after';
  /** Of HTTP/2's: with which the stream is reset, or the connection told to go away. Default: `INTERNAL_ERROR`, and `NO_ERROR`. */
  readonly code?: ResetCode;
  /** Of HTTP/2: the connection takes no more calls from then on; `below`: nor this one, which is told to have come too late. */
  readonly goAway?: 'at' | 'below';
  /** These bytes instead of a well-formed answer; the connection ends with them. */
  readonly raw?: string;
}

/** Of RFC 9113, section 7. */
export type ResetCode =
  | 'NO_ERROR'
  | 'PROTOCOL_ERROR'
  | 'INTERNAL_ERROR'
  | 'REFUSED_STREAM'
  | 'CANCEL'
  | 'CONNECT_ERROR'
  | 'ENHANCE_YOUR_CALM'
  | 'HTTP_1_1_REQUIRED';

/** One request of a case. */
export interface Ask {
  /**
   * `METHOD host/path [name: value] "body" -> STATUS …`, see `request-line.ts`; no host: `shop`. What stands behind the arrow must hold on
   * both sides, beyond both agreeing.
   */
  readonly line: string;
  /** Headers beside those of the line; for values that the line cannot hold. */
  readonly headers?: readonly Pair[];
  readonly body?: string | Uint8Array;
  /** What the recorder does: one for each attempt, the last for all further ones. */
  readonly answer?: Answer | readonly Answer[];
  /** Several requests come of this one at the same time: they are compared in the order of their recorders' names. */
  readonly copies?: true;
  /** Sent to Envoy byte for byte, which no HTTP library would do with what is no HTTP. */
  readonly raw?: boolean;
  /** Envoy refuses the request before it has its headers, so its log does not tell of which call it speaks: it is not asked. */
  readonly unlogged?: true;
  /** What comes of it rests with a server that speaks HTTP/1: it is left out where recorders speak HTTP/2. */
  readonly http1?: true;
  /** Asks so many times; only where the calls go is then looked at, against `split`. Default 1. */
  readonly times?: number;
  /** Share of the calls, of 1, that each recorder must get, within bounds that chance breaks less than once in 10⁹ runs. */
  readonly split?: Readonly<Record<string, number>>;
}

/** A cluster of a case's own: no other case may have one of the same name. */
export interface CaseCluster {
  /** Recorders behind it. Default: one with the cluster's name. `refused` is a port on which nobody listens; `[]` leaves it empty. */
  readonly endpoints?: readonly string[];
  /** How its recorders listen, whatever the others of the run do. What connections count is then compared, too. */
  readonly listens?: ServerKind;
  /** Fields of the cluster, as YAML; `{{folder}}` is where certificates lie (`upstream/certificates.ts`). */
  readonly fields?: string;
  /** Counters that differ on purpose: "Counters" in differences.md says why. */
  readonly uncounted?: readonly string[];
  /** Fields of each of its LbEndpoints, as YAML. */
  readonly endpoint?: string;
  /** Fields of its ClusterLoadAssignment, as YAML. */
  readonly assignment?: string;
}

/**
 * Resources and requests. The routes are given as YAML, in one of three ways: `routes` of one virtual host for all domains,
 * `hosts` with all of theirs, or `config`, a whole RouteConfiguration.
 *
 * Every case may use the clusters `one`, `two`, `three` (each a recorder of that name), `pair` (recorders `left` and `right`), `empty`
 * (no endpoints), `refused` (nobody listens); `absent` does not exist.
 */
export interface Case {
  /** Says what holds. Unique. */
  readonly name: string;
  readonly routes?: string;
  readonly hosts?: string;
  readonly config?: string;
  /** Fields of the connection manager, as YAML. */
  readonly manager?: string;
  /** HTTP filters before the router, as a YAML list. */
  readonly filters?: string;
  readonly clusters?: Readonly<Record<string, CaseCluster>>;
  /** One after the other; other cases run meanwhile. */
  readonly requests: readonly (string | Ask)[];
  /** Both must refuse the configuration (NACK) for a reason in which this occurs on inmesh's side. No request is made then. */
  readonly refused?: string;
  /** Why the case does not hold yet: it is run, and counted apart while it fails. */
  readonly pending?: string;
}

/** A file of cases. */
export interface Area {
  readonly area: string;
  /** All its clusters say how their recorders listen: it is run once, and not again for other upstreams. */
  readonly ownUpstreams?: true;
  readonly cases: readonly Case[];
}
