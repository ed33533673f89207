// HTTP/2 frames by hand, for what no library would send. (RFC 9113, 4.1; RFC 7541, 6.2.2)
export const FRAME = {
  data: 0,
  headers: 1,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const END_STREAM = 1;
export const ACK = 1;
export const END_HEADERS = 4;

export function frame(type: number, flags: number, stream: number, payload: Uint8Array = new Uint8Array()): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.byteLength, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Pairs of identifier and value. */
export function settings(...pairs: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.alloc(pairs.length * 6);
  pairs.forEach(([id, value], i) => {
    payload.writeUInt16BE(id, i * 6);
    payload.writeUInt32BE(value, i * 6 + 2);
  });
  return frame(FRAME.settings, 0, 0, payload);
}

export function goaway(lastStream: number, code: number): Buffer {
  return frame(FRAME.goaway, 0, 0, words(lastStream, code));
}

export function rstStream(stream: number, code: number): Buffer {
  return frame(FRAME.rstStream, 0, stream, words(code));
}

export function data(stream: number, text: string, flags = 0): Buffer {
  return frame(FRAME.data, flags, stream, Buffer.from(text));
}

/** Every header as a literal that is not indexed, neither side compresses. */
export function headerBlock(pairs: readonly string[]): Buffer {
  const parts: Buffer[] = [];
  for (let i = 0; i < pairs.length; i += 2) {
    parts.push(Buffer.from([0]), literal(pairs[i] as string), literal(pairs[i + 1] as string));
  }
  return Buffer.concat(parts);
}

export function headers(stream: number, pairs: readonly string[], flags = 0): Buffer {
  return frame(FRAME.headers, END_HEADERS | flags, stream, headerBlock(pairs));
}

function literal(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const length = [127];
  let rest = bytes.length - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) length.push((rest % 128) | 128);
  length.push(rest);
  return Buffer.concat([Buffer.from(length), bytes]);
}

function words(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, i) => {
    bytes.writeUInt32BE(value, i * 4);
  });
  return bytes;
}

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

const PREFACE = 24;

/** Takes what a client sends apart. */
export class FrameReader {
  #bytes = Buffer.alloc(0);
  #prefaceLeft = PREFACE;

  push(chunk: Buffer): Frame[] {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    const skip = Math.min(this.#prefaceLeft, this.#bytes.length);
    this.#prefaceLeft -= skip;
    this.#bytes = this.#bytes.subarray(skip);
    const frames: Frame[] = [];
    while (this.#bytes.length >= 9) {
      const end = 9 + this.#bytes.readUIntBE(0, 3);
      if (this.#bytes.length < end) break;
      frames.push({
        type: this.#bytes[3] as number,
        flags: this.#bytes[4] as number,
        stream: this.#bytes.readUInt32BE(5),
        payload: this.#bytes.subarray(9, end),
      });
      this.#bytes = this.#bytes.subarray(end);
    }
    return frames;
  }
}
