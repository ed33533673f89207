import type { FlatHeaders } from '../headers.ts';

/** The host that a caller wants: one address, or any host whose metadata says so under `envoy.lb`, as Envoy's subsets are named. */
export type EndpointWish =
  | { readonly kind: 'address'; readonly address: string }
  | { readonly kind: 'metadata'; readonly labels: { readonly [key: string]: unknown } };

/**
 * What the caller of one call asks for, over what the feed says: for canaries and for finding faults. The route is chosen and its filters
 * run as ever; only what stands here is replaced.
 */
export interface CallOverrides {
  /** Set before the route is chosen, so that they may choose it. */
  readonly headers: FlatHeaders;
  /** Takes the place of whichever cluster the route would choose; null for that one. */
  readonly cluster: string | null;
  /** Null for whichever host the balancer takes. */
  readonly endpoint: EndpointWish | null;
  /** Milliseconds in the place of the route's timeout, 0 for none; null for the route's. */
  readonly timeoutMs: number | null;
  /** False: no further attempt, neither the feed's nor the mesh's own safe ones. */
  readonly retries: boolean;
}
