import { type MessageStream, outsideContext, type StreamHandlers, type Unwatch } from '@inmesh/core';
import type { AdsClient } from '../ads/client.ts';
import { HostedKind } from './hosted-kind.ts';
import { decodeMessage, encodeMessage, type GuestMessage, type HostMessage, SHARE_PROTOCOL } from './messages.ts';

export interface FeedHostOptions {
  readonly client: Pick<AdsClient, 'watch' | 'watchAll' | 'known' | 'look' | 'stream' | 'followStream'>;
  /** As guests must say it in their hello. */
  readonly key: string;
  /** Of inmesh. */
  readonly version: string;
  /** Bytes of resources after which a part of an update ends. Default 262,144: copied in well under a millisecond. */
  readonly partBytes?: number;
}

/** Opens the host's end of a connection to a guest. */
export type AcceptGuest = (handlers: StreamHandlers) => MessageStream;

/** Tells guests what a client has of its feed, each what it wants of it. What they want, the client asks for. */
export class FeedHost {
  readonly #options: FeedHostOptions;
  readonly #guests = new Set<HostedGuest>();

  constructor(options: FeedHostOptions) {
    this.#options = options;
  }

  get guests(): number {
    return this.#guests.size;
  }

  /** `onGone`: the guest left, or was sent away. */
  accept(open: AcceptGuest, onGone: () => void = () => {}): void {
    const guest = new HostedGuest(this.#options, open, () => {
      if (this.#guests.delete(guest)) onGone();
    });
    this.#guests.add(guest);
  }

  /** Sends all guests away: they look for another host. */
  close(): void {
    for (const guest of [...this.#guests]) guest.leave();
  }
}

/** One guest: what it wants, what it was told. At most one part is on its way to it. */
class HostedGuest {
  readonly #options: FeedHostOptions;
  readonly #stream: MessageStream;
  readonly #onGone: () => void;
  readonly #kinds = new Map<string, HostedKind>();
  #unfollow: Unwatch | null = null;
  /** The kind of which an update is being told. */
  #telling: HostedKind | null = null;
  #waiting = false;
  #scheduled = false;
  #gone = false;
  #state = '';

  constructor(options: FeedHostOptions, open: AcceptGuest, onGone: () => void) {
    this.#options = options;
    this.#onGone = onGone;
    this.#stream = open({ onMessage: (message) => this.#hear(message), onEnd: () => this.#end() });
  }

  leave(): void {
    if (this.#gone) return;
    this.#end();
    this.#stream.close();
  }

  #end(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#unfollow?.();
    for (const kind of this.#kinds.values()) kind.close();
    this.#kinds.clear();
    this.#onGone();
  }

  #hear(message: Uint8Array): void {
    if (this.#gone) return;
    try {
      this.#take(decodeMessage<GuestMessage>(message).head);
    } catch {
      // It speaks no protocol of ours; whatever it is, it gets nothing more.
      this.leave();
    }
  }

  #take(message: GuestMessage): void {
    if (message.type === 'hello') this.#greet(message);
    else if (this.#unfollow === null) this.leave();
    else if (message.type === 'want') this.#want(message);
    else this.#next();
  }

  #greet({ protocol, version, key }: Extract<GuestMessage, { type: 'hello' }>): void {
    const own = this.#options;
    const reason =
      protocol !== SHARE_PROTOCOL || version !== own.version
        ? `it is inmesh ${own.version} (protocol ${SHARE_PROTOCOL}), and this is inmesh ${version} (protocol ${protocol})`
        : key === own.key
          ? null
          : 'it has the feed of another node or control plane';
    if (reason !== null) {
      this.#send({ type: 'refused', reason });
      // The guest hangs up when it has read that.
      return;
    }
    this.#unfollow ??= own.client.followStream(() => this.#tellState());
    this.#tellState();
  }

  #tellState(): void {
    const { serverUri, connected, lastError } = this.#options.client.stream;
    const state: HostMessage = { type: 'state', controlPlane: serverUri, connected, outage: lastError };
    const written = JSON.stringify(state);
    if (written === this.#state) return;
    this.#state = written;
    this.#send(state);
  }

  #want({ kind, add, remove, all }: Extract<GuestMessage, { type: 'want' }>): void {
    let hosted = this.#kinds.get(kind);
    if (hosted === undefined) {
      hosted = new HostedKind(this.#options.client, kind, () => this.#schedule());
      this.#kinds.set(kind, hosted);
    }
    hosted.want(add, remove, all);
    this.#schedule();
  }

  /** After the turn, so that what a response changes is told together. */
  #schedule(): void {
    if (this.#scheduled || this.#waiting) return;
    this.#scheduled = true;
    outsideContext(() =>
      queueMicrotask(() => {
        this.#scheduled = false;
        this.#pump();
      }),
    );
  }

  #next(): void {
    this.#waiting = false;
    this.#pump();
  }

  #pump(): void {
    if (this.#gone || this.#waiting) return;
    const told = this.#telling ?? [...this.#kinds.values()].find((kind) => kind.begin()) ?? null;
    if (told === null) return;
    const { part, blobs } = told.part(this.#options.partBytes ?? 262_144);
    const isFirst = this.#telling === null;
    this.#telling = part.last ? null : told;
    if (part.last) {
      // The others first, or a kind that changes all the time would be all that is told.
      this.#kinds.delete(part.kind);
      this.#kinds.set(part.kind, told);
    }
    if (isFirst && part.last && part.resources.length === 0 && part.verdicts.length === 0 && !part.all) {
      this.#schedule();
      return;
    }
    this.#waiting = true;
    this.#send(part, blobs);
  }

  #send(message: HostMessage, blobs: readonly Uint8Array[] = []): void {
    this.#stream.send(encodeMessage(message, blobs));
  }
}
