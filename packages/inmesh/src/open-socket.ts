import { isIP } from 'node:net';
import { MeshError } from '@inmesh/core';
import { MeshSocket } from '@inmesh/transports';
import type { Assembly } from './assembly.ts';
import type { MeshParts } from './mesh-parts.ts';

export interface SocketOptions {
  /** Ends only its own side when the peer has ended. Default false, as of `node:net`. */
  readonly allowHalfOpen?: boolean;
  /**
   * The caller will speak TLS over it by itself, with this server name: chains of a listener that are for such a name take it
   * then, and leave its TLS as it is. Default: no TLS of its own.
   */
  readonly serverName?: string;
}

interface SocketParts extends Pick<MeshParts, 'outsideMesh'>, Pick<Assembly, 'tcpSessions' | 'isMesh' | 'stats'> {
  readonly host: string;
  readonly port: number;
  readonly options: SocketOptions;
  readonly draining: boolean;
}

/** Throws a RangeError for what is no port, as `node:net` does. */
export function openSocket(parts: SocketParts): MeshSocket {
  const { host, port, options, tcpSessions, isMesh, outsideMesh, stats } = parts;
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new RangeError(`a port is a whole number from 1 to 65535, not ${port}`);
  }
  const { allowHalfOpen = false, serverName = '' } = options;
  const authority = isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
  const destination = { host, port, serverName, tls: serverName !== '' };
  const draining = parts.draining ? new MeshError('draining', 'the mesh takes no more streams', { authority }) : null;
  const outside = new MeshError('not_in_mesh', 'the host is not in the mesh (outsideMesh: refuse)', { authority });
  return new MeshSocket({
    destination,
    allowHalfOpen,
    open: draining === null && isMesh(host, port) ? (events) => tcpSessions.open(destination, events) : null,
    refuse: draining ?? (outsideMesh === 'refuse' ? outside : null),
    onPassThrough: () => {
      stats.passed_through++;
    },
  });
}
