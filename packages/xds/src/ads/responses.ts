import { joinReasons } from './reason.ts';
import type { Job, Slices } from './slices.ts';
import type { AdsStream, Update } from './stream.ts';
import { type AnyTypeCache, UpdateCursor } from './update-cursor.ts';

/**
 * Applies responses to the caches in slices, and answers them on the stream they came from. One at a time: a stream reads no further
 * until the answer.
 */
export class Responses {
  readonly #caches: ReadonlyMap<string, AnyTypeCache>;
  readonly #slices: Slices;
  #applying: Job | null = null;
  #closed = false;

  /** `caches`: by type URL. */
  constructor(caches: ReadonlyMap<string, AnyTypeCache>, slices: Slices) {
    this.#caches = caches;
    this.#slices = slices;
  }

  apply(update: Update, stream: AdsStream): void {
    const cache = this.#caches.get(update.typeUrl);
    if (cache === undefined) {
      stream.reject(update, `unknown resource type "${update.typeUrl}"`);
      return;
    }
    const cursor = new UpdateCursor(cache, update);
    cache.stats.update_attempt++;
    this.#applying = {
      step: () => cursor.step(),
      done: () => {
        this.#applying = null;
        // A watcher may close the client while it is told.
        if (this.#closed) return;
        if (cursor.refusals.length === 0) {
          cache.stats.update_success++;
          stream.accept(update);
        } else {
          cache.stats.update_rejected++;
          stream.reject(update, joinReasons(cursor.refusals));
        }
      },
    };
    this.#slices.run(this.#applying);
  }

  /** A response that was not wholly applied has no answer; what was taken of it is in force, and the rest will come again. */
  interrupt(): void {
    if (this.#applying !== null) this.#slices.cancel(this.#applying);
    this.#applying = null;
  }

  /** Answers nothing any more. */
  close(): void {
    this.#closed = true;
  }
}
