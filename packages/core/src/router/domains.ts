import type { VirtualHost } from '../model/route.ts';

/**
 * The virtual host for an authority: an exact domain, then the longest `*.suffix`, then the longest `prefix.*`, then `*`;
 * letter case does not matter. (envoy.config.route.v3.VirtualHost.domains)
 */
export function findVirtualHost(
  virtualHosts: readonly VirtualHost[],
  authority: string,
  ignorePort: boolean,
): VirtualHost | null {
  const host = (ignorePort ? withoutPort(authority) : authority).toLowerCase();
  let best: VirtualHost | null = null;
  let bestRank = 0;
  for (const virtualHost of virtualHosts) {
    for (const domain of virtualHost.domains) {
      const rank = rankOf(domain.toLowerCase(), host);
      if (rank <= bestRank) continue;
      best = virtualHost;
      bestRank = rank;
    }
  }
  return best;
}

const EXACT = 3e6;
const SUFFIX = 2e6;
const PREFIX = 1e6;
const ANY = 1;

/** 0 for no match; within a kind, a longer domain ranks higher. */
function rankOf(domain: string, host: string): number {
  if (domain === host) return EXACT;
  if (domain === '*') return ANY;
  // A wildcard stands for at least one character, as Envoy reads it.
  if (domain.startsWith('*') && host.length >= domain.length && host.endsWith(domain.slice(1))) {
    return SUFFIX + domain.length;
  }
  if (domain.endsWith('*') && host.length >= domain.length && host.startsWith(domain.slice(0, -1))) {
    return PREFIX + domain.length;
  }
  return 0;
}

/** The authority without its port; an IPv6 address keeps its brackets. */
export function withoutPort(authority: string): string {
  const colon = authority.lastIndexOf(':');
  if (colon < 0 || authority.indexOf(']', colon) >= 0) return authority;
  return authority.slice(0, colon);
}
