import {
  ANY_CONNECTION,
  CONNECTION_MANAGER_DEFAULTS,
  type FilterChain,
  FORWARD_DEFAULTS,
  type HttpConnectionManager,
  type Listener,
  ROUTE_CONFIGURATION_DEFAULTS,
  ROUTE_DEFAULTS,
  type Route,
  type TcpProxy,
  VIRTUAL_HOST_DEFAULTS,
  WEIGHTED_CLUSTER_DEFAULTS,
} from '@inmesh/core';

/** Names a chain of a listener by what it leads to, so that it is found again in the listener's next version. */
export function chainKey(chain: FilterChain, position: number): string {
  if (chain.http?.routes.kind === 'rds') return `rds ${chain.http.routes.name}`;
  if (chain.http !== null) return `inline ${chain.name === '' ? position : chain.name}`;
  return `tcp ${chain.name} ${chain.tcp?.clusters.map(({ name }) => name).join(' ') ?? ''}`;
}

/** The key of a listener that is taken as a whole, its first connection manager. */
export const WHOLE = 'whole';

/** The listener as calls through one of its chains see it; null where it has no such chain any more. */
export function throughChain(listener: Listener, key: string): Listener | null {
  if (key === WHOLE) return listener;
  const chain = listener.chains.find((each, position) => chainKey(each, position) === key);
  if (chain === undefined) return null;
  const http = chain.http ?? (chain.tcp === null ? null : asHttp(listener.name, chain.tcp));
  return http === null ? null : { ...listener, http };
}

/** The listener as streams of bytes through one of its chains see it, which asks no more; null where it has no such chain any more. */
export function chainForBytes(listener: Listener, key: string): Listener | null {
  if (key === WHOLE) return listener;
  const chain = listener.chains.find((each, position) => chainKey(each, position) === key);
  if (chain === undefined) return null;
  return { ...listener, chains: [{ ...chain, port: null, catchAll: true, match: ANY_CONNECTION }] };
}

/** HTTP that the feed takes for plain bytes: to the clusters of the proxy, by no rules of HTTP. */
function asHttp(name: string, { statPrefix, clusters, unsupported }: TcpProxy): HttpConnectionManager {
  const route: Route = {
    ...ROUTE_DEFAULTS,
    name: 'tcp_proxy',
    path: { kind: 'prefix', value: '/', caseSensitive: true },
    action: {
      ...FORWARD_DEFAULTS,
      clusters: clusters.map((share) => ({ ...WEIGHTED_CLUSTER_DEFAULTS, ...share })),
      totalWeight: clusters.reduce((sum, { weight }) => sum + weight, 0),
      timeoutMs: 0,
    },
    unsupported: clusters.length === 0 ? ['tcp_proxy.cluster_specifier'] : unsupported,
  };
  const virtualHost = { ...VIRTUAL_HOST_DEFAULTS, name: 'tcp_proxy', domains: ['*'], routes: [route] };
  const config = { ...ROUTE_CONFIGURATION_DEFAULTS, name: `tcp_proxy of ${name}`, virtualHosts: [virtualHost] };
  const upgrades = { '*': true };
  return {
    statPrefix,
    routes: { kind: 'inline', config },
    manager: CONNECTION_MANAGER_DEFAULTS,
    upgrades,
    httpFilters: [],
  };
}
