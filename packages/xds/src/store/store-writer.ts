import { type Clock, outsideContext, type Timer } from '@inmesh/core';
import type { StateFiles } from './state-files.ts';

export interface StoreWriterOptions {
  readonly files: StateFiles;
  readonly file: string;
  readonly clock: Clock;
  /** Makes the content in steps, of what there is when it begins. */
  readonly encode: () => Generator<undefined, Uint8Array, undefined>;
  /** Hears why it cannot be written: once, until it can again. */
  readonly onFailure: (cause: unknown) => void;
}

/** Milliseconds from a change to its being written, so that what a response brings is written together. */
const settleMs = 1_000;

/** Milliseconds of work after which the event loop is let run, as for responses. */
const sliceMs = 5;

/** Milliseconds between two writes: endpoints that change all day are no reason to write all day. `close` writes in any case. */
const betweenWritesMs = 30_000;

/** Writes a file some time after what it holds has changed, and for the last time when it is closed. */
export class StoreWriter {
  readonly #options: StoreWriterOptions;
  #dirty = false;
  #timer: Timer | null = null;
  #writing = false;
  #lastWrite = Number.NEGATIVE_INFINITY;
  #complained = false;
  #closed = false;

  constructor(options: StoreWriterOptions) {
    this.#options = options;
  }

  /** What the file is to hold has changed. */
  changed(): void {
    this.#dirty = true;
    if (this.#timer !== null || this.#writing || this.#closed) return;
    const { clock } = this.#options;
    const wait = Math.max(settleMs, this.#lastWrite + betweenWritesMs - clock.now());
    this.#timer = outsideContext(() => clock.setTimer(wait, () => this.#write(), { unref: true }));
  }

  /** Writes what is not written yet, before it returns, and nothing after that. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.cancel();
    if (!this.#dirty && !this.#writing) return;
    const { files, file, encode } = this.#options;
    try {
      const work = encode();
      let made = work.next();
      while (made.done !== true) made = work.next();
      files.writeNow(file, made.value);
    } catch (cause) {
      this.#cannotWrite(cause);
    }
  }

  /** Makes the file's content in slices between which the event loop is free, then writes. */
  #write(): void {
    const { clock, encode } = this.#options;
    this.#timer = null;
    this.#writing = true;
    this.#dirty = false;
    this.#lastWrite = clock.now();
    const work = encode();
    const slice = (): void => {
      const until = clock.now() + sliceMs;
      while (!this.#closed) {
        const made = work.next();
        if (made.done === true) {
          this.#store(made.value);
          return;
        }
        if (clock.now() < until) continue;
        clock.afterInput(slice);
        return;
      }
    };
    slice();
  }

  #store(bytes: Uint8Array): void {
    const { files, file } = this.#options;
    const done = () => {
      this.#writing = false;
      if (this.#dirty) this.changed();
    };
    files
      .write(file, bytes, () => !this.#closed)
      .then(
        () => {
          this.#complained = false;
          done();
        },
        (cause) => {
          this.#cannotWrite(cause);
          done();
        },
      );
  }

  #cannotWrite(cause: unknown): void {
    if (this.#complained) return;
    this.#complained = true;
    this.#options.onFailure(cause);
  }
}
