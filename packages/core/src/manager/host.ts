import type { HostRules } from '../model/connection-manager.ts';
import type { Listener } from '../model/listener.ts';

/**
 * The authority as a listener's routes see it. The port that `strip_matching_host_port` takes off is the listener's, or, where that has
 * none, the one that the call is for; `target`: host and port of that.
 */
export function normalizedAuthority({ http, address }: Listener, authority: string, target: string): string {
  if (http === null) return authority;
  const port = address?.kind === 'socket' ? address.port : portOf(target);
  return normalizeHost(http.manager.host, authority, port);
}

/** The port of `host:port`. */
export function portOf(target: string): number {
  return Number(target.slice(target.lastIndexOf(':') + 1));
}

/** The authority as routes see it. `port`: the listener's. (envoy: ConnectionManagerUtility::maybeNormalizeHost) */
export function normalizeHost({ stripPort, stripTrailingDot }: HostRules, authority: string, port: number): string {
  const host = stripTrailingDot ? withoutDot(authority) : authority;
  return stripPort === 'never' ? host : withoutPort(host, stripPort === 'any' ? null : port);
}

/** The dot may stand before a port. */
function withoutDot(authority: string): string {
  return authority.replace(/\.(?=$|:[^.]*$)/, '');
}

/** `port`: the only one that is taken off; null for any. */
function withoutPort(authority: string, port: number | null): string {
  const colon = authority.lastIndexOf(':');
  if (colon < 0 || authority.indexOf(']', colon) >= 0) return authority;
  const text = authority.slice(colon + 1);
  if (!/^\d+$/.test(text) || (port !== null && Number(text) !== port)) return authority;
  return authority.slice(0, colon);
}
