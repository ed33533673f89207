import type { ConnectionManager } from './connection-manager.ts';
import type { Address } from './endpoint.ts';
import type { HttpFilterConfig } from './http-filter.ts';
import type { RouteConfiguration } from './route.ts';
import type { FilterChainMatch, TcpProxy } from './tcp-proxy.ts';
import type { UpgradeConfigs } from './upgrade.ts';

/** A listener as a client reads it: which routes a call through it takes. (envoy.config.listener.v3.Listener) */
export interface Listener {
  readonly name: string;
  /** Null for an API listener. */
  readonly address: Address | null;
  /** The first HTTP connection manager of the listener; null where it has none (plain TCP). */
  readonly http: HttpConnectionManager | null;
  /** Which way its traffic goes, as the feed says. A client has no business with inbound ones. (traffic_direction) */
  readonly direction: 'unspecified' | 'inbound' | 'outbound';
  /** All filter chains in the order of the feed, the default one last; none for an API listener. */
  readonly chains: readonly FilterChain[];
}

/** What connections that match are handed to. (envoy.config.listener.v3.FilterChain) */
export interface FilterChain {
  /** The feed's name for it, or ''. */
  readonly name: string;
  /** The original destination port that it is for; null for any. (filter_chain_match.destination_port) */
  readonly port: number | null;
  /** True where it takes what no other chain matches: it has no match of its own, or is the default chain. */
  readonly catchAll: boolean;
  /** It takes what no other chain takes. (default_filter_chain) */
  readonly isDefault?: true;
  /** What else it asks of connections. */
  readonly match: FilterChainMatch;
  readonly http: HttpConnectionManager | null;
  /** Where plain connections go; null where its last filter is none of Envoy's tcp_proxy. */
  readonly tcp: TcpProxy | null;
}

/** envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager */
export interface HttpConnectionManager {
  readonly statPrefix: string;
  readonly routes: RouteSource;
  /** What is done around routing and filters. */
  readonly manager: ConnectionManager;
  /** The HTTP filters in the order of the feed, the router last. */
  /** Absent for none. */
  readonly upgrades?: UpgradeConfigs;
  readonly httpFilters: readonly HttpFilterConfig[];
}

/** Routes that come with the listener, or the name of an RDS resource. */
export type RouteSource =
  | { readonly kind: 'inline'; readonly config: RouteConfiguration }
  | { readonly kind: 'rds'; readonly name: string };
