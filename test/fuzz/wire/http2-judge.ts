import { END_STREAM, FRAME } from '../../../packages/transports/src/testing/h2-frames.ts';
import { checkBody, checkHeaders, isBodiless, type Taken } from './taken.ts';

const FORBIDDEN: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);
const MAX_FRAME = 16_384;
const PADDED = 8;

/** Throws where the frames that a server sent are no answer such as was taken, on this stream. */
export function judgeHttp2(taken: Taken, bytes: Buffer, stream: number): void {
  const { status, headers, body, trailers } = taken;
  checkHeaders(headers, FORBIDDEN);
  checkHeaders(trailers, FORBIDDEN);
  for (const [name] of [...headers, ...trailers]) {
    if (name !== name.toLowerCase()) throw new Error(`took the name ${name}, which is not in lower case`);
  }
  if (!Number.isInteger(status) || status < 200 || status > 999) throw new Error(`took ${status} for a status`);
  const sent = bodyOf(bytes, stream);
  checkBody(body, sent);
  const length = headers.get('content-length');
  if (length !== undefined && !isBodiless(taken) && Number(length) !== body.length) {
    throw new Error(`took ${body.length} bytes for all of ${length}`);
  }
  if (isBodiless(taken)) checkBody(body, Buffer.alloc(0));
}

/** The data of a stream to its end. Whatever comes after what breaks the connection counts for nothing. */
function bodyOf(bytes: Buffer, stream: number): Buffer {
  const parts: Buffer[] = [];
  let first = true;
  for (let at = 0; at + 9 <= bytes.length; ) {
    const length = bytes.readUIntBE(at, 3);
    const type = bytes[at + 3] as number;
    const flags = bytes[at + 4] as number;
    const id = bytes.readUInt32BE(at + 5) & 0x7fffffff;
    const payload = bytes.subarray(at + 9, at + 9 + length);
    if (payload.length < length || length > MAX_FRAME) break;
    if (first && (type !== FRAME.settings || (flags & 1) !== 0)) break;
    first = false;
    at += 9 + length;
    if (id !== stream) continue;
    if (type === FRAME.rstStream) break;
    if (type === FRAME.data) {
      const padding = (flags & PADDED) === 0 ? 0 : (payload[0] ?? 0) + 1;
      if (padding > payload.length) break;
      parts.push(padding === 0 ? payload : payload.subarray(1, payload.length - padding + 1));
    }
    if ((type === FRAME.data || type === FRAME.headers) && (flags & END_STREAM) !== 0) return Buffer.concat(parts);
  }
  throw new Error('took a response for complete whose stream did not end');
}
