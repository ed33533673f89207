import { isIP } from 'node:net';
import { nodeDnsDomain } from '@inmesh/xds';

export interface MeshDomainsOptions {
  /** The node's DNS domain, such as `cluster.local`. */
  readonly nodeDomain: string;
  /** Further patterns: an exact host, or `*.suffix`. */
  readonly patterns: readonly string[];
  /** Hosts that the feed names outright (static listeners): in the mesh whatever they look like. */
  readonly named: ReadonlySet<string>;
}

/**
 * Tells from a host alone whether the control plane is asked about it: single labels, `*.svc`, `*.svc.<node domain>`,
 * `*.consul`, `*.mesh` and what the bootstrap names. IP addresses and localhost are only where the feed names them, so that
 * third-party calls never wait for a control plane's silence.
 */
export function meshDomains({
  nodeDomain,
  patterns,
  named,
}: MeshDomainsOptions): (host: string, port: number) => boolean {
  const suffixes = ['.svc', `.svc.${nodeDomain}`, '.consul', '.mesh'];
  const exact = new Set<string>();
  for (const pattern of patterns) {
    if (pattern.startsWith('*.')) suffixes.push(pattern.slice(1).toLowerCase());
    else exact.add(pattern.toLowerCase());
  }
  return (host, port) => {
    const name = host.toLowerCase();
    if (named.has(`${name}:${port}`) || exact.has(name)) return true;
    if (name === 'localhost' || name.endsWith('.localhost') || name.startsWith('[') || isIP(name) !== 0) return false;
    return !name.includes('.') || suffixes.some((suffix) => name.endsWith(suffix));
  };
}

/** `cluster.local` of a node id such as `sidecar~10.0.0.1~web.default~default.svc.cluster.local`; Kubernetes' default elsewhere. */
export function nodeDomain(nodeId: string): string {
  const domain = nodeDnsDomain(nodeId);
  const svc = domain.indexOf('.svc.');
  return svc < 0 ? 'cluster.local' : domain.slice(svc + '.svc.'.length);
}
