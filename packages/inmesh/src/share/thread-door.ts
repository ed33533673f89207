import { BroadcastChannel, isMainThread } from 'node:worker_threads';
import type { FeedHost } from '@inmesh/xds';
import { portStream } from './port-stream.ts';
import { feedsChannel, isFeedQuestion } from './thread-messages.ts';

interface OfferedFeed {
  readonly host: FeedHost;
  readonly onLeft: () => void;
  guests: number;
}

/** The main thread's door for its workers: they ask for a feed by its key. Listens only while there is a feed. */
export class ThreadDoor {
  readonly #feeds = new Map<string, OfferedFeed>();
  readonly #onMessage = (message: unknown): void => {
    if (!isFeedQuestion(message)) return;
    const { key, port } = message;
    const feed = this.#feeds.get(key);
    port.postMessage(feed !== undefined);
    if (feed === undefined) {
      port.close();
      return;
    }
    feed.guests++;
    feed.host.accept(
      (handlers) => portStream(port, handlers),
      () => {
        feed.guests--;
        feed.onLeft();
      },
    );
  };

  /** `onLeft`: a worker left. Without effect in a worker: nobody asks it. */
  open(key: string, host: FeedHost, onLeft: () => void): void {
    if (!isMainThread) return;
    if (this.#feeds.size === 0) process.on('workerMessage', this.#onMessage);
    this.#feeds.set(key, { host, onLeft, guests: 0 });
    const channel = new BroadcastChannel(feedsChannel);
    channel.postMessage(key);
    channel.close();
  }

  /** Workers that use the feed. */
  guests(key: string): number {
    return this.#feeds.get(key)?.guests ?? 0;
  }

  close(key: string): void {
    if (!this.#feeds.delete(key) || this.#feeds.size > 0) return;
    process.off('workerMessage', this.#onMessage);
  }
}
