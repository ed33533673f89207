import { connect, type Socket } from 'node:net';
import type { Address, Clock } from '@inmesh/core';

export interface OpenSocketOptions {
  readonly address: Address;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** Milliseconds of silence before TCP asks whether the peer is still there: Envoy leaves it to the kernel's two hours, which a peer that vanished without a word would cost us. */
const KEEP_ALIVE_MS = 60_000;

/** Opens a socket; calls back once, later than this returns. The result gives the attempt up. */
export function openSocket(
  { address, timeoutMs, clock }: OpenSocketOptions,
  callback: (error: Error | null, timedOut: boolean, socket: Socket | null) => void,
): () => void {
  const socket =
    address.kind === 'pipe'
      ? connect({ path: address.path })
      : connect({
          host: address.host,
          port: address.port,
          noDelay: true,
          keepAlive: true,
          keepAliveInitialDelay: KEEP_ALIVE_MS,
        });
  let settled = false;
  const settle = (error: Error | null, timedOut: boolean) => {
    if (settled) return;
    settled = true;
    timer.cancel();
    socket.off('connect', connected).off('error', failed);
    if (error === null) {
      callback(null, false, socket);
      return;
    }
    socket.on('error', ignore).destroy();
    callback(error, timedOut, null);
  };
  const connected = () => settle(null, false);
  const failed = (error: Error) => settle(error, false);
  const timer = clock.setTimer(timeoutMs, () => {
    // After a stall of the loop the answer may be waiting already: it is read before the verdict.
    clock.afterInput(() => settle(new Error(`connect timeout after ${timeoutMs} ms`), true));
  });
  socket.once('connect', connected).once('error', failed);
  return () => {
    if (settled) return;
    settled = true;
    timer.cancel();
    socket.off('connect', connected).off('error', failed);
    socket.on('error', ignore).destroy();
  };
}

function ignore(): void {}
