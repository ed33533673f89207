import type { Clock, Random } from '@inmesh/core';
import type { FeedHost, FeedSeeker, FeedWay } from '@inmesh/xds';
import { Broker } from './broker.ts';
import { MainThread } from './main-thread.ts';

/** How a feed is shared. */
export interface ShareOptions {
  /** With the worker threads of this process, over the main thread's stream. */
  readonly threads: boolean;
  /** With processes of this host that name the same directory, over the stream of one of them; null for none. */
  readonly broker: string | null;
}

export interface StreamSeekerOptions extends ShareOptions {
  readonly key: string;
  /** Takes a guest: what this process has of the feed is told to it. */
  readonly accept: FeedHost['accept'];
  readonly clock: Clock;
  readonly random: Random;
  readonly onWarning: (warning: Error) => void;
}

/** Somewhere to look for a feed. */
interface Place {
  seek(): Promise<FeedWay | null>;
  close(): void;
}

/** Where this thread of this process looks for its feed before it asks the control plane: the main thread first, then the broker of this host. */
export class StreamSeeker implements FeedSeeker {
  readonly key: string;
  readonly #onWarning: (warning: Error) => void;
  readonly #movers = new Set<() => void>();
  readonly #places: Set<Place>;
  readonly #placeOf = new WeakMap<FeedWay, Place>();

  constructor({ key, threads, broker, accept, clock, random, onWarning }: StreamSeekerOptions) {
    this.key = key;
    this.#onWarning = onWarning;
    const moved = () => this.#move();
    const places: Place[] = threads ? [new MainThread(key, clock, moved)] : [];
    if (broker !== null) {
      places.push(new Broker({ directory: broker, key, accept, clock, random, onWarning, onDeposed: moved }));
    }
    this.#places = new Set(places);
  }

  async seek(): Promise<FeedWay | null> {
    for (const place of this.#places) {
      const way = await place.seek();
      if (way === null) continue;
      this.#placeOf.set(way, place);
      return way;
    }
    return null;
  }

  refused(way: FeedWay, reason: string): void {
    const place = this.#placeOf.get(way);
    if (place === undefined || !this.#places.delete(place)) return;
    place.close();
    this.#onWarning(new Error(`the feed is not shared with ${way.via}, and this process asks for itself: ${reason}`));
  }

  whenMoved(callback: () => void): () => void {
    this.#movers.add(callback);
    return () => this.#movers.delete(callback);
  }

  close(): void {
    for (const place of this.#places) place.close();
    this.#movers.clear();
  }

  #move(): void {
    for (const mover of [...this.#movers]) mover();
  }
}
