import type { Http2Stream } from 'node:http2';
import { frameHeader } from './framing.ts';

/** Up to this many bytes a copy is cheaper than a second write. */
const copyBelow = 16 * 1024;

/** Writes one length-prefixed message; true if the stream takes more at once. The bytes must not change until they are sent. */
export function writeMessage(stream: Http2Stream, message: Uint8Array): boolean {
  if (stream.destroyed || stream.writableEnded) return false;
  const header = frameHeader(message.byteLength);
  if (message.byteLength <= copyBelow) return stream.write(Buffer.concat([header, message]));
  stream.cork();
  stream.write(header);
  const more = stream.write(message);
  stream.uncork();
  return more;
}
