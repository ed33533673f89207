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
  /** What the caller's stream failed with; null while it did not. */
  readonly failure: Error | null;
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
  readonly failure: null = null;
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
  /** Bytes in `#chunks`. */
  #buffered = 0;
  #replayable = true;
  #ended = false;
  #error: Error | null = null;
  #failure: Error | null = null;
  #reading: PromiseWithResolvers<void> | null = null;
  /** Attempts that still read, the newest last. */
  #readers: StreamReader[] = [];
  readonly #view: StreamView;

  constructor(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, options: StreamBodyOptions = {}) {
    this.#source =
      Symbol.asyncIterator in source
        ? source[Symbol.asyncIterator]()
        : (source as Iterable<Uint8Array>)[Symbol.iterator]();
    this.length = options.length ?? null;
    this.#limit = options.replayLimit ?? DEFAULT_REPLAY_LIMIT;
    this.#trailers = options.trailers ?? noTrailers;
    this.#view = {
      next: (reader) => this.#next(reader),
      leave: (reader) => this.#leave(reader),
      trailers: () => (this.#ended ? this.#trailers() : null),
    };
  }

  get replayable(): boolean {
    return this.#replayable && this.#error === null;
  }

  get failure(): Error | null {
    return this.#failure;
  }

  open(): BodyReader {
    if (this.#base > 0) throw new Error(GONE);
    const reader = new StreamReader(this.#view);
    this.#readers.push(reader);
    return reader;
  }

  commit(): void {
    this.#replayable = false;
    this.#forget();
  }

  cancel(reason: Error): void {
    if (this.#ended || this.#error !== null) return;
    this.#error = reason;
    this.#chunks = [];
    this.#buffered = 0;
    this.#replayable = false;
    // Whoever waits for the source hears of it now: the source may never say anything again.
    this.#reading?.resolve();
    this.#reading = null;
    void this.#close();
  }

  /** The iterator may be suspended in a read of its own, and may object; neither matters to anybody any more. */
  async #close(): Promise<void> {
    try {
      await this.#source.return?.();
    } catch {}
  }

  async #next(reader: StreamReader): Promise<IteratorResult<Uint8Array>> {
    for (;;) {
      if (reader.position < this.#base) throw this.#error ?? new Error(GONE);
      const chunk = this.#chunks[reader.position - this.#base];
      if (chunk !== undefined) {
        reader.position++;
        this.#forget();
        return { value: chunk, done: false };
      }
      if (this.#error !== null) throw this.#error;
      if (this.#ended) return { value: undefined, done: true };
      if (this.#reading === null) {
        this.#reading = Promise.withResolvers();
        void this.#read(this.#reading);
      }
      await this.#reading.promise;
    }
  }

  #leave(reader: StreamReader): void {
    const index = this.#readers.indexOf(reader);
    if (index < 0) return;
    this.#readers.splice(index, 1);
    this.#forget();
  }

  async #read(reading: PromiseWithResolvers<void>): Promise<void> {
    try {
      const { value, done } = await this.#source.next();
      if (this.#error !== null) return;
      if (done) this.#ended = true;
      else this.#keep(value);
    } catch (cause) {
      if (this.#error !== null) return;
      this.#failure = cause instanceof Error ? cause : new Error('the request body failed', { cause });
      this.#error = this.#failure;
    } finally {
      if (this.#reading === reading) this.#reading = null;
      reading.resolve();
    }
  }

  #keep(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#buffered += chunk.byteLength;
    if (this.#buffered > this.#limit) this.#replayable = false;
  }

  /**
   * Lets go of what every reader has passed, once no attempt can start anew. A reader that was left behind without a word
   * (its connection broke while it waited) must not hold on to more than the limit: the newest one sets the pace then.
   */
  #forget(): void {
    if (this.#replayable) return;
    const newest = this.#readers.at(-1);
    if (newest === undefined) return;
    let passed = newest.position;
    for (const { position } of this.#readers) if (position < passed) passed = position;
    this.#drop(passed - this.#base);
    if (this.#buffered > this.#limit && this.#readers.length > 1) this.#drop(newest.position - this.#base);
  }

  #drop(count: number): void {
    if (count <= 0) return;
    for (const chunk of this.#chunks.splice(0, count)) this.#buffered -= chunk.byteLength;
    this.#base += count;
  }
}

const GONE = 'the start of the body is gone: it cannot be sent again';

/** What a reader asks of its body. */
interface StreamView {
  next(reader: StreamReader): Promise<IteratorResult<Uint8Array>>;
  leave(reader: StreamReader): void;
  trailers(): Headers | null;
}

/** One attempt's place in the stream. An attempt that stops early leaves the caller's stream to the next one. */
class StreamReader implements BodyReader, AsyncIterator<Uint8Array> {
  position = 0;
  readonly #body: StreamView;

  constructor(body: StreamView) {
    this.#body = body;
  }

  trailers(): Headers | null {
    return this.#body.trailers();
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this;
  }

  next(): Promise<IteratorResult<Uint8Array>> {
    return this.#body.next(this);
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.#body.leave(this);
    return { value: undefined, done: true };
  }
}

function noTrailers(): null {
  return null;
}
