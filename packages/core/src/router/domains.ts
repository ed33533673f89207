import type { VirtualHost } from '../model/route.ts';

/**
 * Finds the virtual host for an authority: an exact domain, then the longest `*.suffix`, then the longest `prefix.*`, then `*`;
 * letter case does not matter. (envoy.config.route.v3.VirtualHost.domains) Most domains of a large feed are exact, and a mesh
 * looks through them for each authority in use whenever the routes change: so they are looked up, not searched.
 */
export class VirtualHostIndex {
  readonly #exact = new Map<string, VirtualHost>();
  readonly #wildcards: (readonly [domain: string, host: VirtualHost])[] = [];

  constructor(virtualHosts: readonly VirtualHost[]) {
    for (const virtualHost of virtualHosts) {
      for (const each of virtualHost.domains) {
        const domain = each.toLowerCase();
        if (domain.includes('*')) this.#wildcards.push([domain, virtualHost]);
        // Of two that say the same the first is taken.
        if (!this.#exact.has(domain)) this.#exact.set(domain, virtualHost);
      }
    }
  }

  find(authority: string, ignorePort: boolean): VirtualHost | null {
    const host = (ignorePort ? withoutPort(authority) : authority).toLowerCase();
    const exact = this.#exact.get(host);
    if (exact !== undefined) return exact;
    let best: VirtualHost | null = null;
    let bestRank = 0;
    for (const [domain, virtualHost] of this.#wildcards) {
      const rank = rankOf(domain, host);
      if (rank <= bestRank) continue;
      best = virtualHost;
      bestRank = rank;
    }
    return best;
  }
}

const SUFFIX = 2e6;
const PREFIX = 1e6;
const ANY = 1;

/** Of a wildcard. 0 for no match; within a kind, a longer domain ranks higher. */
function rankOf(domain: string, host: string): number {
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
