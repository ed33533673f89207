import { isIP } from 'node:net';

/** Where to connect to, read from a gRPC target. */
export interface Address {
  /** What `net.connect` takes. */
  readonly connect: { readonly host: string; readonly port: number } | { readonly path: string };
  /** What goes into `:authority`. */
  readonly authority: string;
  /** Name for SNI and certificate check; empty for an IP literal, which has no SNI. */
  readonly serverName: string;
}

/** gRPC's default for names without a port. */
const defaultPort = 443;

/**
 * Reads `host:port`, `dns:///host:port`, `ipv4:a.b.c.d:port`, `ipv6:[::1]:port`, `passthrough:///host:port`, `unix:path`,
 * `unix:///path` or `unix-abstract:name`. The port is 443 where none is given, as in gRPC.
 */
export function parseTarget(target: string): Address {
  if (target.startsWith('unix-abstract:')) return unixAddress(`\0${target.slice('unix-abstract:'.length)}`, target);
  if (target.startsWith('unix://')) {
    const path = target.slice('unix://'.length);
    if (!path.startsWith('/'))
      throw badTarget(target, 'after unix:// the path must be absolute, as in unix:///run/xds.sock');
    return unixAddress(path, target);
  }
  if (target.startsWith('unix:')) return unixAddress(target.slice('unix:'.length), target);
  const scheme = /^(dns|passthrough):\/\/([^/]*)\/(.*)$/.exec(target);
  if (scheme !== null) {
    if (scheme[2] !== '')
      throw badTarget(
        target,
        `a DNS server of its own (${scheme[2]}) is not supported; write ${scheme[1]}:///${scheme[3]}`,
      );
    return inetAddress(scheme[3] ?? '', target);
  }
  const plain = /^(?:dns|ipv4|ipv6|passthrough):(.*)$/.exec(target);
  const address = plain?.[1] ?? target;
  if (address.includes(',')) throw badTarget(target, 'one address per target; list several servers instead');
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(address))
    throw badTarget(target, 'the scheme is not known; write host:port or unix:path');
  return inetAddress(address, target);
}

function unixAddress(path: string, target: string): Address {
  if (path === '' || path === '\0') throw badTarget(target, 'the path of the socket is missing');
  return { connect: { path }, authority: 'localhost', serverName: 'localhost' };
}

function inetAddress(text: string, target: string): Address {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d+))?$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? (isIP(text) === 6 ? text : '');
  if (host === '') throw badTarget(target, 'write host:port, [ipv6]:port, dns:///host:port or unix:path');
  const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
  if (port < 1 || port > 65535) throw badTarget(target, `port ${port} is outside 1 to 65535`);
  const shown = isIP(host) === 6 ? `[${host}]` : host;
  return { connect: { host, port }, authority: `${shown}:${port}`, serverName: isIP(host) === 0 ? host : '' };
}

function badTarget(target: string, remedy: string): TypeError {
  return new TypeError(`target "${target}" cannot be used: ${remedy}`);
}
