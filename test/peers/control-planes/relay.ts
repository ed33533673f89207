import { connect, createServer, type NetConnectOpts, type Server } from 'node:net';
import { pipeline } from 'node:stream/promises';

/** A server that hands each connection on, bytes for bytes; it is told where to listen. */
export function relayTo(target: NetConnectOpts): Server {
  return createServer((near) => {
    const far = connect(target);
    // When one side goes, so does the other.
    pipeline(near, far, near).catch(() => {});
  });
}
