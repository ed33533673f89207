import type { Body, BodyReader } from '../body.ts';
import { WrappedBody } from '../wrapped-body.ts';

/** A body that tells of each chunk that is taken from it. */
export class WatchedBody extends WrappedBody {
  readonly #onChunk: () => void;

  constructor(body: Body, onChunk: () => void) {
    super(body);
    this.#onChunk = onChunk;
  }

  override open(): BodyReader {
    const reader = this.body.open();
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
}
