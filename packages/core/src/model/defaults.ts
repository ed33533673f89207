import { NO_MESSAGE_MUTATIONS } from './header-mutation.ts';
import { NO_CONDITIONS } from './matcher.ts';
import type { ForwardAction, Route, RouteConfiguration, VirtualHost, WeightedCluster } from './route.ts';

// What holds where the feed says nothing: for routes that are made and not decoded, and for tests.

export const ROUTE_CONFIGURATION_DEFAULTS: Omit<RouteConfiguration, 'name' | 'virtualHosts'> = {
  ignorePortInHostMatching: false,
  mirrors: [],
  ignorePathParametersInPathMatching: false,
  mutations: NO_MESSAGE_MUTATIONS,
  mostSpecificHeaderMutationsWins: false,
};

export const VIRTUAL_HOST_DEFAULTS: Omit<VirtualHost, 'name' | 'domains' | 'routes'> = {
  matcher: null,
  retryPolicy: null,
  includeRequestAttemptCount: false,
  includeAttemptCountInResponse: false,
  mirrors: [],
  mutations: NO_MESSAGE_MUTATIONS,
};

/** Stands for the one that none of a route configuration's matches: no route is its. */
export const NO_VIRTUAL_HOST: VirtualHost = { ...VIRTUAL_HOST_DEFAULTS, name: '', domains: [], routes: [] };

export const ROUTE_DEFAULTS: Omit<Route, 'path' | 'action'> = {
  name: '',
  conditions: NO_CONDITIONS,
  unsupported: [],
  metadata: {},
  mutations: NO_MESSAGE_MUTATIONS,
};

/** Without the timeout: Envoy's is 15 s for a route that names none, and none for what is no route of the feed. */
export const FORWARD_DEFAULTS: Omit<ForwardAction, 'clusters' | 'totalWeight' | 'timeoutMs'> = {
  kind: 'forward',
  weightHeader: '',
  weightsByHash: false,
  runtimeKeyPrefix: '',
  upgrades: {},
  internalRedirects: null,
  hashPolicies: [],
  clusterNotFoundStatus: 503,
  retryPolicy: null,
  priority: 'default',
  pathRewrite: null,
  hostRewrite: null,
  idleTimeoutMs: null,
  maxStreamDurationMs: null,
  mirrors: [],
  appendXForwardedHost: false,
};

export const WEIGHTED_CLUSTER_DEFAULTS: Omit<WeightedCluster, 'name' | 'weight'> = {
  clusterHeader: '',
  lookup: null,
  hostRewrite: '',
  mutations: NO_MESSAGE_MUTATIONS,
};
