import { AsyncLocalStorage } from 'node:async_hooks';
import type { Readable } from 'node:stream';

/** What a caller may give as a body that is read while it is sent. */
export type StreamSource = ReadableStream<unknown> | AsyncIterable<unknown> | Iterable<unknown>;

/**
 * A caller's stream as bytes. Its code runs in the async context in which the call was made, not in that of the
 * connection that pulls; its failure is told at once, also while nobody reads, as undici does it.
 */
export class ByteSource implements AsyncIterableIterator<Uint8Array> {
  readonly #source: StreamSource;
  readonly #run: <R>(fn: () => R) => R = AsyncLocalStorage.snapshot();
  readonly #onError: (error: Error) => void;
  #next: (() => Promise<IteratorResult<unknown>> | IteratorResult<unknown>) | null = null;
  #stop: () => unknown;
  #over = false;

  constructor(source: StreamSource, onError: (error: Error) => void) {
    this.#source = source;
    this.#onError = onError;
    if (isReadable(source)) {
      source.on('error', this.#failed);
      this.#stop = () => source.destroy();
    } else {
      this.#stop = () => (source instanceof ReadableStream && !source.locked ? source.cancel() : undefined);
    }
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    try {
      if (this.#over) return { value: undefined, done: true };
      this.#next ??= this.#run(() => this.#open());
      const { value, done } = await this.#run(this.#next);
      if (done !== true) return { value: toBytes(value), done: false };
      this.#over = true;
      return { value: undefined, done: true };
    } catch (cause) {
      const error = cause instanceof Error ? cause : new Error('the request body failed', { cause });
      this.#failed(error);
      throw error;
    }
  }

  /** Nobody wants the rest: the source is closed at once, also while it is being waited for. */
  async return(): Promise<IteratorResult<Uint8Array>> {
    if (!this.#over) {
      this.#over = true;
      await this.#run(this.#stop);
    }
    return { value: undefined, done: true };
  }

  /** Lets go of a source that nothing was read from: somebody else reads it. */
  release(): void {
    this.#over = true;
    if (isReadable(this.#source)) this.#source.off('error', this.#failed);
  }

  readonly #failed = (error: Error): void => {
    if (this.#over) return;
    this.#over = true;
    this.#onError(error);
  };

  #open(): () => Promise<IteratorResult<unknown>> | IteratorResult<unknown> {
    const source = this.#source;
    if (source instanceof ReadableStream) {
      // Not its iterator: that one cannot be ended while it waits.
      const reader = source.getReader();
      this.#stop = () => reader.cancel();
      return () => reader.read() as Promise<IteratorResult<unknown>>;
    }
    const iterator =
      Symbol.asyncIterator in source
        ? source[Symbol.asyncIterator]()
        : (source as Iterable<unknown>)[Symbol.iterator]();
    if (!isReadable(source)) this.#stop = () => iterator.return?.();
    return () => iterator.next();
  }
}

function isReadable(source: StreamSource): source is Readable {
  const { on, destroy } = source as Partial<Readable>;
  return typeof on === 'function' && typeof destroy === 'function';
}

function toBytes(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  if (typeof chunk === 'string') return Buffer.from(chunk);
  throw new TypeError(`a body chunk must be a string or a Uint8Array, not ${typeof chunk}`);
}
