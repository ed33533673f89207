import type { Clock } from '@inmesh/core';
import type { FeedSeeker, FeedWay } from '@inmesh/xds';
import { MainThread } from './main-thread.ts';

/** How a feed is shared. */
export interface ShareOptions {
  /** With the worker threads of this process, over the main thread's stream. */
  readonly threads: boolean;
}

export interface StreamSeekerOptions extends ShareOptions {
  readonly key: string;
  readonly clock: Clock;
  readonly onWarning: (warning: Error) => void;
}

/** Where this thread of this process looks for its feed before it asks the control plane: the main thread first. */
export class StreamSeeker implements FeedSeeker {
  readonly key: string;
  readonly #onWarning: (warning: Error) => void;
  readonly #movers = new Set<() => void>();
  readonly #mainThread: MainThread | null;
  /** Ways that are of no use. */
  readonly #refused = new Set<string>();

  constructor({ key, threads, clock, onWarning }: StreamSeekerOptions) {
    this.key = key;
    this.#onWarning = onWarning;
    this.#mainThread = threads ? new MainThread(key, clock, () => this.#move()) : null;
  }

  async seek(): Promise<FeedWay | null> {
    const way = this.#refused.has('the main thread') ? null : await this.#mainThread?.seek();
    return way ?? null;
  }

  refused({ via }: FeedWay, reason: string): void {
    if (this.#refused.has(via)) return;
    this.#refused.add(via);
    this.#onWarning(
      new Error(`the feed is not shared with ${via}, so this process has a stream of its own: ${reason}`),
    );
  }

  whenMoved(callback: () => void): () => void {
    this.#movers.add(callback);
    return () => this.#movers.delete(callback);
  }

  close(): void {
    this.#mainThread?.close();
    this.#movers.clear();
  }

  #move(): void {
    for (const mover of [...this.#movers]) mover();
  }
}
