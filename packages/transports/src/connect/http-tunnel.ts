import type { Socket } from 'node:net';
import type { Cancel, Opened } from './dial.ts';

/** Bytes of the answer's head that are taken, as Envoy takes them. */
const MAX_HEAD_BYTES = 2_000;
const END_OF_HEAD = '\r\n\r\n';
const STATUS = /^HTTP\/1\.[01] (\d{3})(?:[ \r]|$)/;

/** Asks the HTTP/1.1 proxy on this socket for a tunnel; the socket is the host's from then on. (RFC 9110, section 9.3.6) */
export function openTunnel(socket: Socket, authority: string, opened: Opened): Cancel {
  const proxy = socket.remoteAddress ?? 'its address';
  let head = Buffer.alloc(0);
  const leave = () => {
    socket.off('readable', onReadable).off('end', onEnd).off('error', onError);
  };
  const fail = (why: string, cause?: Error) => {
    leave();
    socket.on('error', ignore).destroy();
    const message = `no tunnel to ${authority} by the HTTP proxy at ${proxy}: ${why}`;
    opened({ timeout: false, cause: new Error(message, { cause }) }, null);
  };
  // Read by hand: a stream that has flowed and is paused would wait for whoever reads it next to say so.
  const onReadable = () => {
    for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf(END_OF_HEAD);
      if (end >= 0) return settle(head.toString('latin1', 0, end), head.subarray(end + END_OF_HEAD.length));
      if (head.length >= MAX_HEAD_BYTES) return fail(`its answer does not end within ${MAX_HEAD_BYTES} bytes`);
    }
  };
  const settle = (answer: string, rest: Buffer) => {
    const status = STATUS.exec(answer)?.[1];
    if (status === undefined) return fail('its answer is no HTTP/1.1');
    if (status !== '200') return fail(`it answered ${status}`);
    leave();
    // What the host may have said already.
    if (rest.length > 0) socket.unshift(rest);
    opened(null, socket);
  };
  const onEnd = () => fail('it closed the connection');
  const onError = (error: Error) => fail(error.message, error);
  socket.on('readable', onReadable).once('end', onEnd).once('error', onError);
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
  return () => {
    leave();
    socket.on('error', ignore).destroy();
  };
}

function ignore(): void {}
