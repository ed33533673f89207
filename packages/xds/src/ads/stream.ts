import type { StreamStatus, StreamTransport } from '@inmesh/core';
import type { AdsNode } from './node.ts';
import type { SecondHand, Verdict } from './second-hand.ts';
import type { Subscription } from './subscription.ts';

/** One resource in a response, taken out of its `Any` and, where there is one, of its `Resource` wrapper. */
export interface UpdatedResource {
  /** As the wrapper has it; null without a wrapper. */
  readonly name: string | null;
  /** Further names for it, as the wrapper has them. */
  readonly aliases: readonly string[];
  readonly version: string;
  readonly typeUrl: string;
  /** Part of the response's memory: whoever keeps it makes a copy. Null for a heartbeat: the resource is as it was. */
  readonly bytes: Uint8Array | null;
  /** Milliseconds after which it is no longer in force unless it comes again; null for no end. */
  readonly ttlMs: number | null;
  /** Why it could not be unwrapped; null where it could. */
  readonly problem: string | null;
  /** Told on by somebody who had accepted it. Default false: a control plane's own word. */
  readonly secondHand?: boolean;
}

/** What the server says of a resource instead of sending it (xRFC TP3). */
export interface ServerProblem {
  readonly name: string;
  /** gRPC's status code: 5 NOT_FOUND, 7 PERMISSION_DENIED … */
  readonly code: number;
  readonly message: string;
}

/** A response of either variant of the protocol. */
export interface Update {
  readonly typeUrl: string;
  readonly version: string;
  readonly nonce: string;
  /** State of the world: what a type with full state does not have here is gone. */
  readonly complete: boolean;
  /** Gone by name (delta). */
  readonly removed: readonly string[];
  readonly problems: readonly ServerProblem[];
  /** What came of resources where they were accepted or refused before. Default: none. */
  readonly verdicts?: readonly Verdict[];
  /** Unwrapped one by one while they are iterated, so that a large response can be taken in slices. */
  readonly resources: Iterable<UpdatedResource>;
}

/**
 * One ADS stream from its first request to its end, whichever variant it speaks. It reads no further while an update waits
 * for its answer.
 */
export interface AdsStream {
  /** The names wanted of this type changed. */
  subscribe(subscription: Subscription): void;
  /** ACK: all of it is in force. */
  accept(update: Update): void;
  /** NACK, with a reason that an operator understands. */
  reject(update: Update, reason: string): void;
  /** Ends it silently. */
  close(): void;
}

export interface AdsStreamEvents {
  /** The connection is up. At most once; perhaps before the function that opens the stream returns. */
  onOpen(): void;
  /** Must be answered with `accept` or `reject`, at once or later. */
  onUpdate(update: Update): void;
  /** The stream is to somebody who has the feed and tells it on; this is how the control plane is there. */
  onSecondHand(news: SecondHand): void;
  /** Instead of `onEnd`: nothing is wrong with the server, and the next stream is to be opened at once. */
  onMoved(): void;
  /** The server did something that is answered or ignored, and that somebody should know of. */
  onOddity(message: string): void;
  /** Exactly once unless it was closed. `garbage`: we ended it, because what came was not the protocol. */
  onEnd(status: StreamStatus, garbage: boolean): void;
}

export interface AdsStreamOptions {
  readonly transport: StreamTransport;
  /** Request headers: tokens and the like. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly node: AdsNode;
  /** Version of inmesh; the user agent's name is always `inmesh`. */
  readonly userAgentVersion: string;
  /** Every type that the client knows, by type URL. */
  readonly subscriptions: ReadonlyMap<string, Subscription>;
  readonly events: AdsStreamEvents;
}

/** Opens a stream: the state-of-the-world variant, or delta. */
export type OpenAdsStream = (options: AdsStreamOptions) => AdsStream;
