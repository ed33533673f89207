import type { Backoff, Clock, MeshError, StreamTransport } from '@inmesh/core';
import type { AdsNode } from './node.ts';
import type { AdsVariant } from './status.ts';
import type { AdsStream, OpenAdsStream, Update } from './stream.ts';
import type { Subscription } from './subscription.ts';

export interface ServerLinkOptions {
  readonly transport: StreamTransport;
  readonly serverUri: string;
  readonly metadata: () => Readonly<Record<string, string>>;
  readonly node: AdsNode;
  readonly userAgentVersion: string;
  readonly subscriptions: ReadonlyMap<string, Subscription>;
  /** The variant to begin with; the other is tried where the server has not got it. */
  readonly variant: AdsVariant;
  readonly openStream: { readonly [V in AdsVariant]: OpenAdsStream };
  readonly backoff: Backoff;
  readonly clock: Clock;
  readonly events: ServerLinkEvents;
}

export interface ServerLinkEvents {
  /** The connection of the stream is up. */
  onUp(): void;
  /** To be answered on the stream it came from. */
  onUpdate(update: Update, stream: AdsStream): void;
  /** The stream is gone; `error` where that is bad news, null where the next one follows at once. */
  onDown(error: MeshError | null): void;
  onOddity(error: MeshError): void;
  /** Its status changed. */
  onStatus(): void;
}
