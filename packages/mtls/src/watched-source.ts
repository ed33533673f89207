import { type MeshError, outsideContext, type Unwatch, type Watcher } from '@inmesh/core';

/** What a source says. */
export interface Teller<T> {
  /** This is in force. Told only to watchers for whom it is something new. */
  changed(value: T): void;
  /** Nothing is in force any more: it was taken back. */
  lost(error: MeshError): void;
  /** What was in force stays so; where nothing ever was, there is nothing. */
  failed(error: MeshError): void;
}

/** Runs a source while it is watched, and tells all its watchers the same; later ones hear at once what is known. */
export class WatchedSource<T> {
  readonly #start: (teller: Teller<T>) => () => void;
  readonly #same: (one: T, other: T) => boolean;
  readonly #onError: (error: Error) => void;
  readonly #watchers = new Set<{ readonly watcher: Watcher<T> }>();
  #stop: (() => void) | null = null;
  #value: T | null = null;
  #error: MeshError | null = null;

  /** `start` begins, and answers with what ends it; it is called again by the first watcher after the last one left. `onError`: a watcher threw. */
  constructor(
    start: (teller: Teller<T>) => () => void,
    same: (one: T, other: T) => boolean,
    onError: (error: Error) => void,
  ) {
    this.#start = start;
    this.#same = same;
    this.#onError = onError;
  }

  watch(watcher: Watcher<T>): Unwatch {
    const seat = { watcher };
    const { size } = this.#watchers;
    this.#watchers.add(seat);
    if (size === 0) this.#begin();
    else this.#replay(watcher);
    return () => {
      if (!this.#watchers.delete(seat) || this.#watchers.size > 0) return;
      this.#stop?.();
      this.#stop = null;
      this.#value = null;
      this.#error = null;
    };
  }

  #begin(): void {
    let ended = false;
    const whileWatched = (say: () => void) => {
      if (!ended) say();
    };
    const stop = outsideContext(() =>
      this.#start({
        changed: (value) => whileWatched(() => this.#changed(value)),
        lost: (error) => whileWatched(() => this.#lost(error)),
        failed: (error) => whileWatched(() => this.#failed(error)),
      }),
    );
    const end = () => {
      ended = true;
      stop();
    };
    // A watcher may leave while the source begins.
    if (this.#watchers.size === 0) end();
    else this.#stop = end;
  }

  #replay(watcher: Watcher<T>): void {
    const value = this.#value;
    const error = this.#error;
    if (value !== null) this.#guard(() => watcher.changed(value));
    if (error === null) return;
    this.#guard(() => (value === null ? watcher.resourceError(error) : watcher.ambientError(error)));
  }

  #changed(value: T): void {
    const same = this.#value !== null && this.#same(this.#value, value);
    const recovers = same && this.#error !== null;
    this.#error = null;
    if (recovers) this.#tell((watcher) => watcher.recovered?.());
    if (same) return;
    this.#value = value;
    this.#tell((watcher) => watcher.changed(value));
  }

  #lost(error: MeshError): void {
    this.#value = null;
    this.#error = error;
    this.#tell((watcher) => watcher.resourceError(error));
  }

  #failed(error: MeshError): void {
    this.#error = error;
    const inForce = this.#value !== null;
    this.#tell((watcher) => (inForce ? watcher.ambientError(error) : watcher.resourceError(error)));
  }

  #tell(say: (watcher: Watcher<T>) => void): void {
    for (const seat of [...this.#watchers]) {
      if (this.#watchers.has(seat)) this.#guard(() => say(seat.watcher));
    }
  }

  #guard(say: () => void): void {
    try {
      say();
    } catch (cause) {
      this.#onError(new Error('a watcher of a source threw', { cause }));
    }
  }
}
