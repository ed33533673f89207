import type { FilterState } from '@inmesh/core';
import type { FlavourInForce } from '@inmesh/xds';

export interface ExplainedEndpoint {
  readonly address: string;
  readonly health: string;
  readonly weight: number;
  readonly priority: number;
  readonly locality: string;
  readonly connections: number;
  readonly active: number;
}

/** How some endpoints of a cluster are connected to. */
export interface ExplainedTransport {
  /** The name of the entry of `transport_socket_matches` that fits them; `default` where none does. */
  readonly socket: string;
  /** The kinds of sockets, the outermost first: `http_11_proxy`, `tls`; `raw_buffer` in the clear. */
  readonly layers: readonly string[];
  /** `auto`: as ALPN chooses. */
  readonly protocol: string;
  /** Null in the clear. */
  readonly tls: ExplainedTls | null;
  readonly endpoints: readonly string[];
  /** Why such a connection cannot be made; null where it can. */
  readonly error: string | null;
}

/** The TLS of such connections; never keys. */
export interface ExplainedTls {
  /** Offered by ALPN, in order. */
  readonly alpn: readonly string[];
  /** Empty: the server is told none. */
  readonly serverName: string;
  /** All that the server's certificate must be, in words. */
  readonly expects: readonly string[];
  /** Who the mesh is to the server: where each certificate came from, its SPIFFE IDs, and when it ends (ISO 8601). */
  readonly certificates: readonly {
    readonly source: string;
    readonly names: readonly string[];
    readonly expires: string;
  }[];
}

export interface ExplainedCluster {
  readonly name: string;
  /** Its share of the calls, 0 to 1. */
  readonly share: number;
  readonly type: string;
  readonly lbPolicy: string;
  /** What its endpoints are asked, as far as routing decides it: filters may change more. */
  readonly request: { readonly method: string; readonly authority: string; readonly path: string };
  /** Its calls go as they came to where they would go without the mesh. */
  readonly passesThrough: boolean;
  readonly endpoints: readonly ExplainedEndpoint[];
  /** The ways to its endpoints. */
  readonly transports: readonly ExplainedTransport[];
  /** Why it cannot be called; null where it can. */
  readonly error: string | null;
}

export interface ExplainedFilter {
  readonly name: string;
  readonly state: FilterState;
  /** Levels of routing that configure it anew, the most general first: `route configuration`, `virtual host`, `route`, `cluster reviews-v1`. */
  readonly overriddenAt: readonly string[];
}

export interface ExplainedRoute {
  /** 1 for the first. */
  readonly position: number;
  readonly name: string;
  /** All that it asks of a call, the path first. */
  readonly asks: readonly string[];
  /** The first thing that the call does not fulfil, and what it has instead; null where the route matches. */
  readonly missing: string | null;
  /** It is the one: others behind it may match as well. */
  readonly chosen: boolean;
}

/** Something that the chosen route does to the call. */
export interface ExplainedRule {
  /** The field of the feed. */
  readonly field: string;
  readonly value: string;
  /** Which level says so: `route`, `virtual host`, `route configuration`, `cluster reviews-v1`; `default`; or the `caller`. */
  readonly from: string;
}

/** What would happen to a call, and why. */
export interface Explanation {
  readonly url: string;
  readonly method: string;
  /** `mesh`: by its rules; `pass-through`: as without the mesh; `refused`: not at all; `unknown`: the feed has not told yet. */
  readonly verdict: 'mesh' | 'pass-through' | 'refused' | 'unknown';
  /** One sentence per step, in order. */
  readonly why: readonly string[];
  readonly listener: string | null;
  readonly routeConfiguration: string | null;
  readonly virtualHost: string | null;
  readonly route: string | null;
  /** Every route of the virtual host, in order. */
  readonly routes: readonly ExplainedRoute[];
  /** The HTTP filters on its way, in order: `idle` ones have nothing to do, `skipped` ones are left out, a `refused` one keeps the call from going. */
  readonly filters: readonly ExplainedFilter[];
  /** What the chosen route does, in the order in which it is done. */
  readonly rules: readonly ExplainedRule[];
  readonly clusters: readonly ExplainedCluster[];
  /** Where the configuration comes from: `control plane xds:18000`, or with `(through the main thread)` where another has the stream. */
  readonly origin: string;
  /** How the control plane lays out its feed, and what that lacks. */
  readonly flavour: FlavourInForce;
}
