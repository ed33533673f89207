import type { Socket } from 'node:net';

const PREFACE_BYTES = 24;
const HEAD_BYTES = 9;
/** Types and flags of frames. (RFC 9113, section 6) */
const DATA = 0;
const HEADERS = 1;
const SETTINGS = 4;
const PING = 6;
const END_STREAM = 1;
const ACK = 1;
const END_HEADERS = 4;
/** SETTINGS_MAX_CONCURRENT_STREAMS. */
const MAX_STREAMS = 3;

/** Names of the answer's headers by their place in the static table. (RFC 7541, appendix A) */
const FIELDS: readonly (readonly [index: number, value: (bodyBytes: number) => string])[] = [
  [31, () => 'application/json'],
  [28, (bodyBytes) => `${bodyBytes}`],
  [33, () => 'Sat, 01 Nov 2025 00:00:00 GMT'],
  [54, () => 'bench'],
];

/**
 * An HTTP/2 server that costs as little as can be: a prepared answer for each request, whatever it says. It pays no heed to
 * windows: its answers are small, and few are under way at once.
 */
export class PreparedFrames {
  readonly #answer: Buffer;
  readonly #settings: Buffer;
  readonly #data: number;

  constructor(bodyBytes: number, maxStreams: number) {
    const head = frame(HEADERS, END_HEADERS, answerHead(bodyBytes));
    this.#data = head.length;
    this.#answer = Buffer.concat([head, frame(DATA, END_STREAM, Buffer.alloc(bodyBytes, 'x'))]);
    const setting = Buffer.alloc(6);
    setting.writeUInt16BE(MAX_STREAMS);
    setting.writeUInt32BE(maxStreams, 2);
    this.#settings = frame(SETTINGS, 0, setting);
  }

  serve(socket: Socket): void {
    let rest: Buffer = Buffer.alloc(0);
    let preface = PREFACE_BYTES;
    socket.on('error', () => socket.destroy());
    socket.write(this.#settings);
    socket.on('data', (chunk: Buffer) => {
      let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      if (preface > 0) {
        if (bytes.length < preface) {
          rest = bytes;
          return;
        }
        bytes = bytes.subarray(preface);
        preface = 0;
      }
      rest = bytes.subarray(this.#frames(socket, bytes));
    });
  }

  /** Answers the whole frames at the beginning of the bytes; how many bytes those are. */
  #frames(socket: Socket, bytes: Buffer): number {
    let at = 0;
    while (bytes.length - at >= HEAD_BYTES) {
      const end = at + HEAD_BYTES + bytes.readUIntBE(at, 3);
      if (end > bytes.length) break;
      const type = bytes[at + 3];
      const flags = bytes[at + 4] ?? 0;
      if ((type === HEADERS || type === DATA) && flags & END_STREAM) socket.write(this.#to(bytes.readUInt32BE(at + 5)));
      else if (type === SETTINGS && !(flags & ACK)) socket.write(frame(SETTINGS, ACK, Buffer.alloc(0)));
      else if (type === PING && !(flags & ACK)) socket.write(frame(PING, ACK, bytes.subarray(at + HEAD_BYTES, end)));
      at = end;
    }
    return at;
  }

  #to(stream: number): Buffer {
    const answer = Buffer.from(this.#answer);
    answer.writeUInt32BE(stream, 5);
    answer.writeUInt32BE(stream, this.#data + 5);
    return answer;
  }
}

/** `:status: 200`, and literals that enter no table. */
function answerHead(bodyBytes: number): Buffer {
  const literals = FIELDS.map(([index, value]) => {
    const text = value(bodyBytes);
    return Buffer.concat([Buffer.from([0x0f, index - 15, text.length]), Buffer.from(text)]);
  });
  return Buffer.concat([Buffer.from([0x88]), ...literals]);
}

function frame(type: number, flags: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  return Buffer.concat([head, payload]);
}
