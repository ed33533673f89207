import { type Body, type BodyReader, BytesBody, DEFAULT_REPLAY_LIMIT } from './body.ts';
import { WrappedBody } from './wrapped-body.ts';

/** A body that keeps what goes through it, without setting the pace: for whoever wants a copy once it has been sent. */
export class TappedBody extends WrappedBody {
  readonly #limit: number;
  #chunks: Uint8Array[] | null = [];
  #size = 0;
  #ended: BodyReader | null = null;

  /** `limit`: bytes kept; of a longer body there is no copy. Default 1 MiB, as for retries. */
  constructor(body: Body, limit: number = DEFAULT_REPLAY_LIMIT) {
    super(body);
    this.#limit = limit;
  }

  /** The whole; null while it has not all gone through, and where it was longer than the limit. */
  copy(): BytesBody | null {
    if (this.#ended === null || this.#chunks === null) return null;
    return new BytesBody(Buffer.concat(this.#chunks, this.#size), this.#ended.trailers());
  }

  override open(): BodyReader {
    const reader = this.body.open();
    const tap = this.#tap(reader);
    return { trailers: () => reader.trailers(), [Symbol.asyncIterator]: () => tap };
  }

  /** Attempts read the same chunks: each is kept the first time. */
  async *#tap(reader: BodyReader): AsyncGenerator<Uint8Array, void, void> {
    let position = 0;
    for await (const chunk of reader) {
      this.#keep(chunk, position++);
      yield chunk;
    }
    this.#ended = reader;
  }

  #keep(chunk: Uint8Array, position: number): void {
    const chunks = this.#chunks;
    if (chunks === null || position !== chunks.length) return;
    this.#size += chunk.byteLength;
    if (this.#size > this.#limit) this.#chunks = null;
    else chunks.push(chunk);
  }
}
