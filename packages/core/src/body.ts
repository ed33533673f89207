import type { Headers } from './headers.ts';

/**
 * The body of a request. Each attempt opens its own reader; the caller's stream is read once, at the pace of the fastest
 * attempt, into a bounded buffer that later attempts start from.
 */
export interface Body {
  /** Bytes, where known before reading. */
  readonly length: number | null;
  /** The whole body where it is in memory; readers are then not needed. */
  readonly bytes: Uint8Array | null;
  /** False once the start of the body was let go: no further attempt can be made. */
  readonly replayable: boolean;
  open(): BodyReader;
  /** No further attempt will be made: what was read is let go. */
  commit(): void;
  /** Ends the caller's stream: the call is over before the stream was. */
  cancel(reason: Error): void;
}

/** One attempt's way through a body: pulled, so that a slow connection slows the caller down. */
export interface BodyReader extends AsyncIterable<Uint8Array> {
  /** After the end: the trailers that the caller gave, or null. */
  trailers(): Headers | null;
}

/** A body that is in memory. */
export class BytesBody implements Body {
  readonly bytes: Uint8Array;
  readonly length: number;
  readonly replayable: true = true;
  readonly #trailers: Headers | null;

  constructor(bytes: Uint8Array, trailers: Headers | null = null) {
    this.bytes = bytes;
    this.length = bytes.byteLength;
    this.#trailers = trailers;
  }

  open(): BodyReader {
    const { bytes } = this;
    const trailers = this.#trailers;
    return {
      trailers: () => trailers,
      async *[Symbol.asyncIterator]() {
        if (bytes.byteLength > 0) yield bytes;
      },
    };
  }

  commit(): void {}
  cancel(): void {}
}

export interface StreamBodyOptions {
  /** Bytes of the whole body, where the caller knows. */
  readonly length?: number | null;
  /** Bytes kept for further attempts. Default 1 MiB, as Envoy's per-stream buffer for retries. */
  readonly replayLimit?: number;
  /** Asked for after the last chunk. */
  readonly trailers?: () => Headers | null;
}

/** Envoy's default buffer limit, past which a request is sent on but not tried again. */
export const DEFAULT_REPLAY_LIMIT: number = 1024 * 1024;

/** A body that is read from the caller's iterator while it is sent. */
export class StreamBody implements Body {
  readonly length: number | null;
  readonly bytes: null = null;
  readonly #source: AsyncIterator<Uint8Array> | Iterator<Uint8Array>;
  readonly #limit: number;
  readonly #trailers: () => Headers | null;
  /** Chunks from `#base` on; all of them while the body is replayable. */
  #chunks: Uint8Array[] = [];
  #base = 0;
  #buffered = 0;
  #replayable = true;
  #ended = false;
  #error: Error | null = null;
  #reading: Promise<void> | null = null;

  constructor(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, options: StreamBodyOptions = {}) {
    this.#source =
      Symbol.asyncIterator in source
        ? source[Symbol.asyncIterator]()
        : (source as Iterable<Uint8Array>)[Symbol.iterator]();
    this.length = options.length ?? null;
    this.#limit = options.replayLimit ?? DEFAULT_REPLAY_LIMIT;
    this.#trailers = options.trailers ?? noTrailers;
  }

  get replayable(): boolean {
    return this.#replayable && this.#error === null;
  }

  open(): BodyReader {
    if (!this.#replayable && this.#base > 0) throw new Error('the start of the body is gone: it cannot be sent again');
    let position = 0;
    return {
      trailers: () => (this.#ended ? this.#trailers() : null),
      [Symbol.asyncIterator]: () => ({
        next: async (): Promise<IteratorResult<Uint8Array>> => {
          for (;;) {
            const chunk = this.#chunks[position - this.#base];
            if (chunk !== undefined) {
              position++;
              this.#forget(position);
              return { value: chunk, done: false };
            }
            if (this.#error !== null) throw this.#error;
            if (this.#ended) return { value: undefined, done: true };
            this.#reading ??= this.#read();
            await this.#reading;
          }
        },
        // An attempt that stops early leaves the caller's stream to the next one.
        return: async () => ({ value: undefined, done: true as const }),
      }),
    };
  }

  commit(): void {
    this.#replayable = false;
  }

  cancel(reason: Error): void {
    if (this.#ended || this.#error !== null) return;
    this.#error = reason;
    this.#chunks = [];
    this.#replayable = false;
    // The iterator may be suspended in a read of its own; its outcome no longer matters to anybody.
    Promise.resolve(this.#source.return?.()).catch(() => {});
  }

  async #read(): Promise<void> {
    try {
      const { value, done } = await this.#source.next();
      if (this.#error !== null) return;
      if (done) this.#ended = true;
      else this.#keep(value);
    } catch (cause) {
      this.#error ??= cause instanceof Error ? cause : new Error('the request body failed', { cause });
    } finally {
      this.#reading = null;
    }
  }

  #keep(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#buffered += chunk.byteLength;
    if (this.#buffered > this.#limit) this.#replayable = false;
  }

  /** Lets go of what the one remaining reader has passed. */
  #forget(position: number): void {
    if (this.#replayable) return;
    const passed = position - this.#base;
    if (passed <= 0) return;
    this.#chunks.splice(0, passed);
    this.#base = position;
  }
}

function noTrailers(): null {
  return null;
}
