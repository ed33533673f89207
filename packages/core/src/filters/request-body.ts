import { BytesBody } from '../body.ts';
import type { Call } from '../call.ts';

const NOTHING = new Uint8Array();

/** Reads the request's body into memory, where it then stays for whoever comes next; null where it is longer than `limit` bytes. */
export async function readRequestBody(call: Call, limit: number): Promise<Uint8Array | null> {
  const { body } = call;
  if (body === null) return NOTHING;
  const { bytes, length } = body;
  if ((bytes?.byteLength ?? length ?? 0) > limit) return null;
  if (bytes !== null) return bytes;
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = body.open();
  for await (const chunk of reader) {
    size += chunk.byteLength;
    if (size > limit) return null;
    chunks.push(chunk);
  }
  const whole = Buffer.concat(chunks, size);
  call.body = new BytesBody(whole, reader.trailers());
  return whole;
}
