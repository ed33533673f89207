import { isDeepStrictEqual } from 'node:util';
import type { ClusterConfig } from '../model/cluster.ts';
import type { TransportConfig } from '../model/transport-socket.ts';
import { socketsOf, tlsOf } from './transport-sockets.ts';

/**
 * New settings as they are to be applied after those in force: where connections that were opened by one are as good as by the other,
 * what they were opened by stays the same object, because the keys of pools name the TLS contexts that are followed.
 */
export function keepingConnections(inForce: ClusterConfig, wanted: ClusterConfig): ClusterConfig {
  const { transport, protocol } = inForce;
  if (wanted.transport === transport && wanted.protocol === protocol) return wanted;
  return sameConnections(inForce, wanted) ? { ...wanted, transport, protocol } : wanted;
}

/** True where connections that were opened by one configuration are as good as those by the other. */
export function sameConnections(a: ClusterConfig, b: ClusterConfig): boolean {
  return isDeepStrictEqual(settingsOf(a), settingsOf(b));
}

function settingsOf(config: ClusterConfig): unknown {
  const { transport, protocol, pool, maxResponseHeaderBytes, maxResponseHeaders } = config;
  const { bind, tcpKeepalive } = pool;
  const secrets = secretsIn(transport);
  return { transport, secrets, protocol, bind, tcpKeepalive, maxResponseHeaderBytes, maxResponseHeaders };
}

/** Those that are written into a configuration: `SecretBytes` are equal to whoever compares them. */
function secretsIn(transport: TransportConfig): (Uint8Array | null)[] {
  return socketsOf(transport)
    .flatMap((socket) => tlsOf(socket)?.common.certificates ?? [])
    .flatMap((one) => (one.kind === 'inline' ? [one.certificate] : []))
    .flatMap(({ privateKey, pkcs12, password }) => [privateKey, pkcs12, password])
    .map((source) => (source?.kind === 'inline' ? source.bytes.reveal() : null));
}
