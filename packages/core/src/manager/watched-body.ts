import type { Body, BodyReader } from '../body.ts';

/** A body that tells of each chunk that is taken from it. */
export class WatchedBody implements Body {
  readonly bytes: null = null;
  readonly #body: Body;
  readonly #onChunk: () => void;

  constructor(body: Body, onChunk: () => void) {
    this.#body = body;
    this.#onChunk = onChunk;
  }

  get length(): number | null {
    return this.#body.length;
  }

  get replayable(): boolean {
    return this.#body.replayable;
  }

  get failure(): Error | null {
    return this.#body.failure;
  }

  open(): BodyReader {
    const reader = this.#body.open();
    const chunks = reader[Symbol.asyncIterator]();
    const onChunk = this.#onChunk;
    const watched: AsyncIterator<Uint8Array> = {
      next: async () => {
        const result = await chunks.next();
        onChunk();
        return result;
      },
      return: () => chunks.return?.() ?? Promise.resolve({ value: undefined, done: true }),
    };
    return { trailers: () => reader.trailers(), [Symbol.asyncIterator]: () => watched };
  }

  commit(): void {
    this.#body.commit();
  }

  cancel(reason: Error): void {
    this.#body.cancel(reason);
  }
}
