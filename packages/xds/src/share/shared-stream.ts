import type { Kind } from '@inmesh/core';
import { openDeltaStream } from '../ads/delta-stream.ts';
import { openSotwStream } from '../ads/sotw-stream.ts';
import type { AdsVariant } from '../ads/status.ts';
import type { AdsStream, AdsStreamEvents, AdsStreamOptions, OpenAdsStream, Update } from '../ads/stream.ts';
import type { Subscription } from '../ads/subscription.ts';
import { type FeedWay, GuestStream } from './guest-stream.ts';

/** Finds who has the feed already. */
export interface FeedSeeker {
  /** What must be equal for a feed to be shared. */
  readonly key: string;
  /** The way to somebody who has it; null where this thread of this process is to have a stream of its own. Never rejects. */
  seek(): Promise<FeedWay | null>;
  /** They would not share; they are not to be asked again. */
  refused(way: FeedWay, reason: string): void;
  /** Calls back where somebody else is to have the stream from now on; the result takes that back. */
  whenMoved(callback: () => void): () => void;
}

/** Streams to whoever has the feed, or to the control plane where nobody has; looks anew with each stream. */
export function sharedStreams(
  seeker: FeedSeeker,
  types: readonly { readonly kind: Kind; readonly typeUrl: string }[],
): { readonly [V in AdsVariant]: OpenAdsStream } {
  const shared =
    (openOwn: OpenAdsStream): OpenAdsStream =>
    (options) =>
      new SharedStream(seeker, types, openOwn, options);
  return { sotw: shared(openSotwStream), delta: shared(openDeltaStream) };
}

/** One stream, wherever it goes. It ends as `moved` when it should go elsewhere, and not as a failure of the control plane. */
class SharedStream implements AdsStream {
  readonly #seeker: FeedSeeker;
  readonly #options: AdsStreamOptions;
  readonly #openOwn: OpenAdsStream;
  readonly #types: readonly { readonly kind: Kind; readonly typeUrl: string }[];
  readonly #events: AdsStreamEvents;
  #inner: AdsStream | null = null;
  #unfollow: (() => void) | null = null;
  #done = false;

  constructor(
    seeker: FeedSeeker,
    types: readonly { readonly kind: Kind; readonly typeUrl: string }[],
    openOwn: OpenAdsStream,
    options: AdsStreamOptions,
  ) {
    this.#seeker = seeker;
    this.#types = types;
    this.#openOwn = openOwn;
    this.#options = options;
    const { events } = options;
    this.#events = {
      onOpen: () => events.onOpen(),
      onUpdate: (update) => events.onUpdate(update),
      onSecondHand: (news) => events.onSecondHand(news),
      onOddity: (message) => events.onOddity(message),
      onMoved: () => this.#move(),
      onEnd: (status, garbage) => {
        if (!this.#finish()) return;
        events.onEnd(status, garbage);
      },
    };
    void seeker.seek().then((way) => this.#found(way));
  }

  subscribe(subscription: Subscription): void {
    this.#inner?.subscribe(subscription);
  }

  accept(update: Update): void {
    this.#inner?.accept(update);
  }

  reject(update: Update, reason: string): void {
    this.#inner?.reject(update, reason);
  }

  close(): void {
    if (!this.#finish()) return;
    this.#inner?.close();
  }

  #found(way: FeedWay | null): void {
    if (way !== null) this.#visit(way);
    else if (!this.#done) this.#open();
  }

  #visit(way: FeedWay): void {
    if (this.#done) {
      way.open({ onMessage() {}, onEnd() {} }).close();
      return;
    }
    const { subscriptions, userAgentVersion } = this.#options;
    const inner = new GuestStream({
      way,
      key: this.#seeker.key,
      types: this.#types,
      subscriptions,
      userAgentVersion,
      events: this.#events,
      onRefused: (reason) => {
        this.#seeker.refused(way, reason);
        this.#move();
      },
    });
    this.#begin(inner);
  }

  #open(): void {
    this.#unfollow = this.#seeker.whenMoved(() => {
      this.#inner?.close();
      this.#move();
    });
    let inner: AdsStream;
    try {
      inner = this.#openOwn({ ...this.#options, events: this.#events });
    } catch (error) {
      this.#events.onEnd({ code: 13, message: `it could not be opened: ${(error as Error).message}` }, false);
      return;
    }
    this.#begin(inner);
  }

  #begin(inner: AdsStream): void {
    if (this.#done) return;
    this.#inner = inner;
    for (const subscription of this.#options.subscriptions.values()) inner.subscribe(subscription);
  }

  #move(): void {
    if (this.#finish()) this.#options.events.onMoved();
  }

  /** False where it was over already. */
  #finish(): boolean {
    if (this.#done) return false;
    this.#done = true;
    this.#unfollow?.();
    return true;
  }
}
