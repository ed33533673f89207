import { connect, isIP, type Socket } from 'node:net';
import type { Address, ConnectError, SourceAddress, TcpKeepalive } from '@inmesh/core';

/** How a way to a host ends: with a socket, or with the reason why there is none. */
export type Opened = (error: ConnectError | null, socket: Socket | null) => void;

/** Gives an attempt up: its callback does not come, and nothing of it stays. */
export type Cancel = () => void;

export interface DialOptions {
  readonly keepalive: TcpKeepalive | null;
  readonly bind: SourceAddress | null;
}

/** Milliseconds of silence before TCP asks whether the peer is still there: Envoy leaves it to the kernel's two hours, which a peer that vanished without a word would cost us. */
const KEEP_ALIVE_MS = 60_000;

/**
 * Opens a socket to one address; calls back once, later than this returns.
 *
 * Of `tcp_keepalive` Node can set the time only: its runtime asks ten times, a second apart, whatever `keepalive_probes` and
 * `keepalive_interval` say. It finds a dead peer no later than they would, and that is what they are for, so the connection is opened all the same.
 */
export function dial(address: Address, options: DialOptions, opened: Opened): Cancel {
  const socket = address.kind === 'pipe' ? connect({ path: address.path }) : connectTcp(address, options);
  const connected = () => {
    socket.off('error', failed);
    opened(null, socket);
  };
  const failed = (cause: Error) => {
    socket.off('connect', connected).on('error', ignore).destroy();
    opened({ timeout: false, cause }, null);
  };
  socket.once('connect', connected).once('error', failed);
  return () => {
    socket.off('connect', connected).off('error', failed).on('error', ignore).destroy();
  };
}

function connectTcp({ host, port }: Extract<Address, { kind: 'socket' }>, { keepalive, bind }: DialOptions): Socket {
  return connect({
    host,
    port,
    noDelay: true,
    keepAlive: true,
    // 0 leaves the time to the system, as a keepalive of the feed without a time does.
    keepAliveInitialDelay: keepalive === null ? KEEP_ALIVE_MS : (keepalive.timeMs ?? 0),
    ...(bind === null ? {} : source(bind, host)),
  });
}

/** The first source address of the host's family; where there is none the first of all, which the system refuses. (as Envoy's default selector) */
function source(bind: SourceAddress, host: string): { localAddress: string; localPort?: number } {
  const family = isIP(host);
  const own = [bind, ...bind.extra].find((one) => isIP(one.host) === family) ?? bind;
  return own.port === 0 ? { localAddress: own.host } : { localAddress: own.host, localPort: own.port };
}

function ignore(): void {}
