import {
  BroadcastChannel,
  isMainThread,
  MessageChannel,
  type MessagePort,
  postMessageToThread,
} from 'node:worker_threads';
import { type Clock, outsideContext } from '@inmesh/core';
import type { FeedWay } from '@inmesh/xds';
import { portStream } from './port-stream.ts';
import { type FeedQuestion, feedsChannel } from './thread-messages.ts';

/** Milliseconds to wait for the main thread, which may be busy, before a stream of our own is opened. A late answer counts all the same. */
const answerMs = 3_000;

/** A worker's way to the feed of the main thread. */
export class MainThread {
  readonly #key: string;
  readonly #clock: Clock;
  readonly #onOffer: () => void;
  /** A port on which the main thread said that it has the feed. */
  #offered: MessagePort | null = null;
  #channel: BroadcastChannel | null = null;
  #closed = false;

  /** `onOffer`: the main thread has the feed, after all. */
  constructor(key: string, clock: Clock, onOffer: () => void) {
    this.#key = key;
    this.#clock = clock;
    this.#onOffer = onOffer;
  }

  /** Null where the main thread has no such feed, does not answer, or is this one. */
  async seek(): Promise<FeedWay | null> {
    if (isMainThread || this.#closed || typeof postMessageToThread !== 'function') return null;
    this.#listen();
    const port = this.#takeOffered() ?? (await this.#ask());
    return port === null ? null : { via: 'the main thread', open: (handlers) => portStream(port, handlers) };
  }

  close(): void {
    this.#closed = true;
    this.#channel?.close();
    this.#offered?.close();
  }

  #ask(): Promise<MessagePort | null> {
    const { port1, port2 } = outsideContext(() => new MessageChannel());
    const question: FeedQuestion = { inmesh: 'feed', key: this.#key, port: port2 };
    return new Promise((resolve) => {
      let late = false;
      const timer = this.#clock.setTimer(
        answerMs,
        () => {
          late = true;
          resolve(null);
        },
        { unref: true },
      );
      const answer = (has: boolean) => {
        timer.cancel();
        port1.off('message', answer);
        port1.off('close', gone);
        if (!has) port1.close();
        if (!late) resolve(has ? port1 : null);
        else if (has) this.#offer(port1);
      };
      const gone = () => answer(false);
      port1.on('message', answer);
      port1.on('close', gone);
      port1.unref();
      // Fails at once where nobody there listens: the main thread has no mesh.
      postMessageToThread(0, question, [port2]).catch(gone);
    });
  }

  #offer(port: MessagePort): void {
    if (this.#closed || this.#offered !== null) {
      port.close();
      return;
    }
    this.#offered = port;
    this.#onOffer();
  }

  #takeOffered(): MessagePort | null {
    const port = this.#offered;
    this.#offered = null;
    return port;
  }

  /** For the mesh that the main thread makes after its workers. */
  #listen(): void {
    if (this.#channel !== null) return;
    this.#channel = outsideContext(() => new BroadcastChannel(feedsChannel));
    this.#channel.onmessage = ({ data }: { readonly data: unknown }) => {
      if (data === this.#key && !this.#closed) this.#onOffer();
    };
    this.#channel.unref();
  }
}
