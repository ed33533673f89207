import type { ConfigDiscovery } from './extension-config.ts';

/** One entry of `http_filters`. (envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter) */
export interface HttpFilterConfig {
  readonly name: string;
  /** Type URL of its configuration, TypedStruct unwrapped. */
  readonly typeUrl: string;
  readonly support: FilterSupport;
  /** Takes no part unless a route says otherwise. */
  readonly disabled: boolean;
  /** May be left out by whoever does not know its type. */
  readonly optional: boolean;
  /** What the type's own decoder made of it; a `RawFilterConfig` where there is none. */
  readonly config: unknown;
  /** Fields of the configuration that this version cannot honour and must not ignore. */
  readonly unsupported: readonly string[];
  /** Where the configuration comes from, for one that is not in the listener. */
  readonly discovery?: ConfigDiscovery;
}

/**
 * `terminal`: the router. `known`: there is a filter for it. `skipped`: nothing that a call meets depends on it. `unknown`:
 * applied where the application brings such a filter, left out where it is optional, and else a reason to refuse the call
 * (DESIGN, decision 9). `missing`: its configuration has not come.
 */
export type FilterSupport = 'terminal' | 'known' | 'skipped' | 'unknown' | 'missing';

/** An entry of `typed_per_filter_config`. */
export interface FilterOverride {
  readonly typeUrl: string;
  /** Type URL of the filters that it is for; empty where that is not known. */
  readonly filterTypeUrl: string;
  readonly support: Exclude<FilterSupport, 'terminal' | 'missing'>;
  /** The filter takes no part in these calls. (envoy.config.route.v3.FilterConfig.disabled) */
  readonly disabled: boolean;
  readonly optional: boolean;
  /** As in `HttpFilterConfig`; null where the entry only says whether the filter takes part. */
  readonly config: unknown;
  readonly unsupported: readonly string[];
}

/** `typed_per_filter_config` of a route configuration, virtual host, route or weighted cluster: by the filter's name. */
export type FilterOverrides = ReadonlyMap<string, FilterOverride>;

/** A configuration of a type that only the application knows. */
export interface RawFilterConfig {
  /** The value of a TypedStruct, or a message of the Envoy API as JSON with the field names of the proto; null where it is neither. */
  readonly json: unknown;
  /** The packed message, where it was no TypedStruct. */
  readonly bytes: Uint8Array | null;
}

/** The router's own configuration. (envoy.extensions.filters.http.router.v3.Router) */
export interface RouterConfig {
  /** None of the headers by which Envoy tells of itself: of time, attempts, and what a rewrite took away. */
  readonly suppressEnvoyHeaders: boolean;
}
