import type { Call } from '../call.ts';
import type { ClusterConfig } from '../model/cluster.ts';
import { Endpoint } from './endpoint.ts';
import { isPlain } from './transport-sockets.ts';

/** Hosts remembered at most: callers choose them freely. Those that nobody is connected to make room. */
const MAX_HOSTS = 1_000;
const NOWHERE = { region: '', zone: '', subZone: '' };

/** The host that a call is for by its own target, as a cluster of type ORIGINAL_DST has it: made with its first call. */
export function originalDestination({ context: { target } }: Call, hosts: Map<string, Endpoint>): Endpoint {
  const known = hosts.get(target);
  if (known !== undefined) return known;
  if (hosts.size >= MAX_HOSTS) {
    for (const [key, { pools }] of hosts) if (pools?.empty !== false) hosts.delete(key);
  }
  const colon = target.lastIndexOf(':');
  const host = target.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  const address = { kind: 'socket', host, port: Number(target.slice(colon + 1)) } as const;
  const endpoint = new Endpoint({ address, hostname: '', health: 'unknown', weight: 1, metadata: {} }, NOWHERE, 0);
  hosts.set(target, endpoint);
  return endpoint;
}

/**
 * True where calls go as they came to what was there before the mesh. That would give them neither an identity nor a protocol, so a
 * cluster that has one for them keeps them.
 */
export function leavesMesh({ discovery, unsupported, transport, protocol: { choice } }: ClusterConfig): boolean {
  if (discovery.kind !== 'original_dst' || unsupported.length > 0) return false;
  return isPlain(transport) && choice !== 'http2' && choice !== 'auto';
}
