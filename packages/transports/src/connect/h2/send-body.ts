import type { ClientHttp2Stream } from 'node:http2';
import type { BodyReader } from '@inmesh/core';
import { requestTrailers } from './request-headers.ts';

/** Who sends: asked after every pause whether there is still somebody to send to. */
export interface Sender {
  readonly over: boolean;
  /** Resolves once there is room again, or the exchange is over. */
  room(): Promise<void>;
  onSent(): void;
  onBodyError(error: Error): void;
}

/** Sends a body as it is read, no faster than the server takes it, and its trailers after it. The stream asks for them (`wantTrailers`). */
export async function sendBody(
  reader: BodyReader,
  declared: number | null,
  stream: ClientHttp2Stream,
  sender: Sender,
): Promise<void> {
  const chunks = reader[Symbol.asyncIterator]();
  let sent = 0;
  try {
    for (;;) {
      const { value, done } = await chunks.next();
      if (sender.over) break;
      if (done === true) {
        if (declared !== null && sent !== declared) throw lengthError(declared, sent);
        stream.end();
        sender.onSent();
        return;
      }
      sent += value.byteLength;
      if (declared !== null && sent > declared) throw lengthError(declared, sent);
      if (!stream.write(value)) {
        await sender.room();
        if (sender.over) break;
      }
    }
  } catch (cause) {
    if (!sender.over)
      sender.onBodyError(cause instanceof Error ? cause : new Error('the request body failed', { cause }));
  }
  await leave(chunks);
}

/** The trailers of a body that was read to its end. */
export function sendTrailers(reader: BodyReader, stream: ClientHttp2Stream): void {
  stream.sendTrailers(requestTrailers(reader.trailers()?.flat() ?? []));
}

/** The rest of the body is not wanted; what the source says to that matters to nobody. */
async function leave(chunks: AsyncIterator<Uint8Array>): Promise<void> {
  try {
    await chunks.return?.();
  } catch {}
}

function lengthError(declared: number, sent: number): Error {
  return new Error(
    `content-length says ${declared}, the body has ${sent < declared ? sent : `more than ${declared}`} bytes`,
  );
}
