import type { Call } from '../call.ts';
import { Endpoint } from './endpoint.ts';

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
