import type { MeshError } from '@inmesh/core';

/**
 * Hears of every resource of a type (wildcard). A value is at hand where it was just validated; whoever keeps an index of it
 * and not the value itself leaves the type as bytes, and `watch` makes the model of the few resources that are used.
 */
export interface CollectionWatcher<T> {
  /** A resource is new, or has new content. */
  changed(name: string, value: T): void;
  /** A resource is not in force any more. */
  removed(name: string): void;
  /** All of a response was told: what came since the last call belongs together. The first call says that all there is was told. */
  settled(): void;
  /** Something is wrong (the stream is down, a resource was refused, no answer came), and what was told stays in force. */
  ambientError(error: MeshError): void;
}

/** One watcher's place. */
export interface CollectionSeat<T> {
  readonly watcher: CollectionWatcher<T>;
}

/** The watchers of a whole type. */
export class Collection<T> {
  readonly #seats = new Set<CollectionSeat<T>>();
  readonly #onError: (error: unknown) => void;
  /** Who asked for the type, seated already or not yet. */
  #users = 0;
  /** A response told all there is. */
  settled = false;

  /** `onError` hears what a watcher throws. */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  /** Somebody wants all of the type. */
  get active(): boolean {
    return this.#users > 0;
  }

  join(): void {
    this.#users++;
  }

  leave(seat: CollectionSeat<T>): void {
    this.#users--;
    this.#seats.delete(seat);
    if (this.#users === 0) this.settled = false;
  }

  seat(seat: CollectionSeat<T>): void {
    this.#seats.add(seat);
  }

  tell(say: (watcher: CollectionWatcher<T>) => void): void {
    for (const seat of [...this.#seats]) this.tellOne(seat, say);
  }

  tellOne(seat: CollectionSeat<T>, say: (watcher: CollectionWatcher<T>) => void): void {
    if (!this.#seats.has(seat)) return;
    try {
      say(seat.watcher);
    } catch (error) {
      this.#onError(error);
    }
  }

  close(): void {
    this.#seats.clear();
  }
}
