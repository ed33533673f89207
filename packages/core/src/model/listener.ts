import type { Address } from './endpoint.ts';
import type { RouteConfiguration } from './route.ts';

/** A listener as a client reads it: which routes a call through it takes. (envoy.config.listener.v3.Listener) */
export interface Listener {
  readonly name: string;
  /** Null for an API listener. */
  readonly address: Address | null;
  /** The first HTTP connection manager of the listener; null where it has none (plain TCP). */
  readonly http: HttpConnectionManager | null;
}

/** envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager */
export interface HttpConnectionManager {
  readonly statPrefix: string;
  readonly routes: RouteSource;
  /** The HTTP filters in the order of the feed, the router last. */
  readonly httpFilters: readonly HttpFilterConfig[];
}

/** Routes that come with the listener, or the name of an RDS resource. */
export type RouteSource =
  | { readonly kind: 'inline'; readonly config: RouteConfiguration }
  | { readonly kind: 'rds'; readonly name: string };

/** One entry of `http_filters`. */
export interface HttpFilterConfig {
  readonly name: string;
  /** Type URL of its configuration, TypedStruct unwrapped. */
  readonly typeUrl: string;
  /**
   * `terminal`: the router. `skipped`: does nothing in this version and may be left out (decoration, `is_optional`, `disabled`).
   * `refused`: must not be ignored, so calls through the listener are refused and told why (DESIGN, decision 9).
   */
  readonly support: 'terminal' | 'skipped' | 'refused';
}
