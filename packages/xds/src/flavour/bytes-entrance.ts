import { isIP } from 'node:net';
import { WHOLE } from './chains.ts';
import { upstreamOfHost } from './consul-names.ts';
import { searchNames } from './dns-search.ts';
import type { Flavour } from './flavour.ts';
import type { Entrance, ListenerIndex } from './listener-index.ts';
import { isLoopback } from './loopback.ts';

export interface BytesTarget {
  readonly host: string;
  readonly port: number;
  /** Null while the listeners have not shown it. */
  readonly flavour: Flavour | null;
  /** The node's DNS domain; '' for none. */
  readonly domain: string;
  /** The host is one of the mesh's domains. */
  readonly ours: boolean;
}

/**
 * Where streams of bytes to a host and port enter the feed; null for nowhere. Where a listener has several chains, its own match
 * decides: what is HTTP to it, bytes are not.
 */
export function bytesEntrance(
  index: ListenerIndex,
  { host, port, flavour, domain, ours }: BytesTarget,
): Entrance | null {
  const named = index.named(`${host}:${port}`);
  if (named !== null) return named;
  const address = host.replace(/^\[(.*)\]$/, '$1');
  if (isLoopback(address)) return whole(index.at(address === 'localhost' ? '127.0.0.1' : address, port));
  switch (flavour) {
    case 'consul': {
      const upstream = upstreamOfHost(host);
      return upstream === null ? null : index.upstream(upstream);
    }
    case 'sidecar':
      return ofSidecar(index, address, port, domain) ?? index.rest();
    default:
      return ours ? index.bytesOnPort(port) : null;
  }
}

/** As Envoy's listener for the destination would be found, but by names: the port of the service, else what all services share on that port. */
function ofSidecar(index: ListenerIndex, host: string, port: number, domain: string): Entrance | null {
  const shared = () => whole(index.withRoutes(`${port}`));
  if (isIP(host) !== 0) return whole(index.at(host, port)) ?? shared();
  for (const name of searchNames(host, domain)) {
    const own = index.tcp(name, port);
    if (own !== null) return own;
  }
  return shared();
}

function whole(entrance: Entrance | null): Entrance | null {
  return entrance === null ? null : { listener: entrance.listener, chain: WHOLE };
}
