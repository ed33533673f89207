import type { FilterChain, HttpConnectionManager, Listener, Route, TcpProxy } from '@inmesh/core';

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

/** HTTP that the feed takes for plain bytes: to the clusters of the proxy, by no rules of HTTP. */
function asHttp(name: string, { statPrefix, clusters }: TcpProxy): HttpConnectionManager {
  const route: Route = {
    name: 'tcp_proxy',
    path: { kind: 'prefix', value: '/', caseSensitive: true },
    action: {
      kind: 'forward',
      clusters,
      totalWeight: clusters.reduce((sum, { weight }) => sum + weight, 0),
      clusterNotFoundStatus: 503,
      timeoutMs: 0,
      retryPolicy: null,
      priority: 'default',
    },
    unsupported: clusters.length === 0 ? ['tcp_proxy.cluster_specifier'] : [],
    metadata: {},
  };
  const virtualHost = {
    name: 'tcp_proxy',
    domains: ['*'],
    routes: [route],
    retryPolicy: null,
    includeRequestAttemptCount: false,
    includeAttemptCountInResponse: false,
  };
  const config = { name: `tcp_proxy of ${name}`, virtualHosts: [virtualHost], ignorePortInHostMatching: false };
  return { statPrefix, routes: { kind: 'inline', config }, httpFilters: [] };
}
