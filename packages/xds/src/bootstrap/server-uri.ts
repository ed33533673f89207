/**
 * Why a server's URI cannot be dialled, or null where it can: `host:port`, `[ipv6]:port`, `dns:///host:port`, `ipv4:…`, `ipv6:…`,
 * `unix:path`, `unix:///path`, `unix-abstract:name`; without a port, gRPC's 443 applies.
 */
export function uriProblem(uri: string): { readonly problem: string; readonly remedy: string } | null {
  const remedy = 'write host:port, dns:///host:port or unix:///path';
  const name = uri.replace(/^(dns|ipv4|ipv6|passthrough):(\/\/\/)?/, '');
  if (/^unix:\/\/[^/]/.test(uri)) {
    return { problem: `"${uri}" has no absolute path`, remedy: 'write three slashes, as in unix:///run/xds.sock' };
  }
  if (/^unix(-abstract)?:./.test(uri)) return null;
  if (/^dns:\/\/[^/]/.test(uri)) {
    return {
      problem: `"${uri}" names a DNS server of its own`,
      remedy: `write dns:///${uri.replace(/^dns:\/\/[^/]*\//, '')}`,
    };
  }
  if (/^[a-z][\w+.-]*:\/\//i.test(name)) return { problem: `"${uri}" has a scheme that no ADS server has`, remedy };
  const match = /^(?:\[[\da-f:.%\w]+\]|[^:/[\]\s,]+)(?::(\d+))?$/i.exec(name);
  if (match === null) return { problem: `"${uri}" is no server address`, remedy };
  if (match[1] !== undefined && (Number(match[1]) < 1 || Number(match[1]) > 65_535)) {
    return { problem: `port ${match[1]} is outside 1 to 65535`, remedy };
  }
  return null;
}
