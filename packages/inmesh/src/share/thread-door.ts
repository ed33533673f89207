import { BroadcastChannel, isMainThread } from 'node:worker_threads';
import type { FeedHost } from '@inmesh/xds';
import { portStream } from './port-stream.ts';
import { feedsChannel, isFeedQuestion } from './thread-messages.ts';

/** The main thread's door for its workers: they ask for a feed by its key. Listens only while there is a feed. */
export class ThreadDoor {
  readonly #hosts = new Map<string, { readonly host: FeedHost; readonly onLeft: () => void }>();
  readonly #onMessage = (message: unknown): void => {
    if (!isFeedQuestion(message)) return;
    const { key, port } = message;
    const feed = this.#hosts.get(key);
    port.postMessage(feed !== undefined);
    if (feed === undefined) port.close();
    else feed.host.accept((handlers) => portStream(port, handlers), feed.onLeft);
  };

  /** `onLeft`: a worker left. Without effect in a worker: nobody asks it. */
  open(key: string, host: FeedHost, onLeft: () => void): void {
    if (!isMainThread) return;
    if (this.#hosts.size === 0) process.on('workerMessage', this.#onMessage);
    this.#hosts.set(key, { host, onLeft });
    const channel = new BroadcastChannel(feedsChannel);
    channel.postMessage(key);
    channel.close();
  }

  close(key: string): void {
    if (!this.#hosts.delete(key) || this.#hosts.size > 0) return;
    process.off('workerMessage', this.#onMessage);
  }
}
