import { isDeepStrictEqual } from 'node:util';
import type { ClusterConfig } from '../model/cluster.ts';

/**
 * True where connections that were opened by one configuration are as good as those by the other. Of a secret that is written
 * into the configuration only the public part is compared: a certificate never stays when its key changes.
 */
export function sameConnections(a: ClusterConfig, b: ClusterConfig): boolean {
  return isDeepStrictEqual(settingsOf(a), settingsOf(b));
}

function settingsOf({ transport, protocol, pool, maxResponseHeaderBytes }: ClusterConfig): unknown {
  return { transport, protocol, bind: pool.bind, tcpKeepalive: pool.tcpKeepalive, maxResponseHeaderBytes };
}
