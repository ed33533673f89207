import type { Socket } from 'node:net';

/** More than any control plane sends as one resource: what claims to be longer is no frame of ours. */
const maxFrameBytes = 256 * 1024 * 1024;

const prefixBytes = 4;

export interface FrameHandlers {
  /** A frame; an empty one is a heartbeat. */
  onFrame(frame: Uint8Array): void;
  /** Once, unless it was closed from this side. */
  onGone(): void;
}

/** Messages over a socket, each after its length (4 bytes, big-endian). Does not keep the process alive. */
export class FramedSocket {
  handlers: FrameHandlers | null = null;
  readonly #socket: Socket;
  #chunks: Buffer[] = [];
  #buffered = 0;
  /** Of the frame that is being read; -1 where its length has not come. */
  #length = -1;
  #closed = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.unref();
    socket.on('data', (chunk) => this.#read(chunk));
    // What went wrong matters to nobody: the other end is gone, and 'close' follows.
    socket.on('error', () => {});
    socket.on('close', () => {
      if (this.#closed) return;
      this.#closed = true;
      this.handlers?.onGone();
    });
  }

  get closed(): boolean {
    return this.#closed;
  }

  send(frame: Uint8Array): void {
    if (this.#closed) return;
    const prefix = Buffer.alloc(prefixBytes);
    prefix.writeUInt32BE(frame.length);
    this.#socket.cork();
    this.#socket.write(prefix);
    if (frame.length > 0) this.#socket.write(frame);
    this.#socket.uncork();
  }

  /** As if the other end had gone. */
  drop(): void {
    this.#socket.destroy();
  }

  /** What was sent may still arrive. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.end(() => this.#socket.destroy());
  }

  #read(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    while (!this.#closed) {
      if (this.#length < 0) {
        if (this.#buffered < prefixBytes) return;
        this.#length = this.#take(prefixBytes).readUInt32BE();
      }
      if (this.#length > maxFrameBytes) {
        this.#socket.destroy();
        return;
      }
      if (this.#buffered < this.#length) return;
      const frame = this.#take(this.#length);
      this.#length = -1;
      this.handlers?.onFrame(frame);
    }
  }

  #take(length: number): Buffer {
    const [first] = this.#chunks;
    const whole = first !== undefined && first.length >= length ? first : Buffer.concat(this.#chunks);
    const rest = whole === first ? this.#chunks.slice(1) : [];
    this.#chunks = whole.length > length ? [whole.subarray(length), ...rest] : rest;
    this.#buffered -= length;
    return whole.subarray(0, length);
  }
}
