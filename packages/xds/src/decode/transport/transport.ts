import type { Cluster } from '@inmesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import { PLAIN_TRANSPORT, type TransportConfig, type TransportSocketConfig } from '@inmesh/core';
import type { Decoding } from '../decoding.ts';
import { decodeSocket } from './socket.ts';

/** The sockets of a cluster. What every connection would need and this version cannot do is added to `unsupported`. */
export function decodeTransport(decoding: Decoding, message: Cluster, unsupported: string[]): TransportConfig {
  const { transportSocket, transportSocketMatches } = message;
  const socket =
    transportSocket === undefined
      ? PLAIN_TRANSPORT.socket
      : decodeSocket(decoding, transportSocket, 'transport_socket');
  const matches = transportSocketMatches.map((each, index) => ({
    name: each.name,
    criteria: each.match ?? {},
    socket:
      each.transportSocket === undefined
        ? PLAIN_TRANSPORT.socket
        : decodeSocket(decoding, each.transportSocket, `transport_socket_matches[${index}].transport_socket`),
  }));
  const all: readonly TransportSocketConfig[] = [socket, ...matches.map((match) => match.socket)];
  if (all.every(({ kind }) => kind === 'unsupported')) {
    unsupported.push(...all.flatMap((each) => (each.kind === 'unsupported' ? each.fields : [])));
  }
  return { socket, matches };
}
