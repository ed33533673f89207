import type { StreamStatus } from '@inmesh/core';
import { grpcCode } from './status.ts';

const headerBytes = 5;

/** The five bytes before a message: flag 0 (not compressed) and the length. */
export function frameHeader(length: number): Buffer {
  const header = Buffer.allocUnsafe(headerBytes);
  header[0] = 0;
  header.writeUInt32BE(length, 1);
  return header;
}

/**
 * Joins and splits: DATA frames of any size in, whole messages out.
 *
 * A message inside one chunk is handed out as a view of it; a longer one is copied once, when its last byte is there.
 * Nothing is allocated on the word of a length prefix alone, so a peer that sends garbage costs no memory.
 */
export class MessageReader {
  readonly #maxBytes: number;
  #chunks: Uint8Array[] = [];
  /** Bytes of `#chunks[0]` that are used up. */
  #offset = 0;
  #available = 0;
  /** Length of the message that is arriving; -1 while its header is not complete. */
  #length = -1;

  /** `maxBytes`: longest message accepted. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(chunk: Uint8Array): void {
    if (chunk.byteLength === 0) return;
    this.#chunks.push(chunk);
    this.#available += chunk.byteLength;
  }

  /** The next whole message, null if there is none yet, or a status: the stream is beyond repair. */
  next(): Uint8Array | StreamStatus | null {
    if (this.#length < 0) {
      if (this.#available < headerBytes) return null;
      const header = this.#take(headerBytes);
      const flag = header[0];
      if (flag !== 0) {
        return {
          code: grpcCode.internal,
          message:
            flag === 1
              ? 'the peer sent a compressed message, though no compression was offered'
              : `the peer sent no gRPC message: it starts with byte ${flag}, not with 0 or 1`,
        };
      }
      const length = new DataView(header.buffer, header.byteOffset, headerBytes).getUint32(1);
      if (length > this.#maxBytes) {
        return {
          code: grpcCode.resourceExhausted,
          message: `the peer sends a message of ${length} bytes, more than the ${this.#maxBytes} of maxReceiveBytes`,
        };
      }
      this.#length = length;
    }
    if (this.#available < this.#length) return null;
    const message = this.#take(this.#length);
    this.#length = -1;
    return message;
  }

  /** True between two messages: a stream may end here. */
  get atBoundary(): boolean {
    return this.#length < 0 && this.#available === 0;
  }

  #take(count: number): Uint8Array {
    const first = this.#chunks[0];
    this.#available -= count;
    if (first === undefined || count === 0) return new Uint8Array(0);
    if (first.byteLength - this.#offset >= count) {
      const view = first.subarray(this.#offset, this.#offset + count);
      this.#offset += count;
      if (this.#offset === first.byteLength) {
        this.#chunks.shift();
        this.#offset = 0;
      }
      return view;
    }
    const whole = Buffer.allocUnsafe(count);
    let filled = 0;
    let used = 0;
    while (filled < count) {
      const chunk = this.#chunks[used] as Uint8Array;
      const part = chunk.subarray(this.#offset, this.#offset + count - filled);
      whole.set(part, filled);
      filled += part.byteLength;
      this.#offset += part.byteLength;
      if (this.#offset === chunk.byteLength) {
        used++;
        this.#offset = 0;
      }
    }
    this.#chunks.splice(0, used);
    return whole;
  }
}
