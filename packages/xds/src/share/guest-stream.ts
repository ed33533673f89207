import type { Kind, MessageStream, StreamHandlers } from '@inmesh/core';
import type { SecondHand, Verdict } from '../ads/second-hand.ts';
import type { AdsStream, AdsStreamOptions, Update, UpdatedResource } from '../ads/stream.ts';
import type { Subscription } from '../ads/subscription.ts';
import { decodeMessage, encodeMessage, type GuestMessage, type HostMessage, SHARE_PROTOCOL } from './messages.ts';

/** A way to somebody who has the feed. */
export interface FeedWay {
  /** Who that is, as people name it: `the main thread`. */
  readonly via: string;
  /** Opens the guest's end. `onEnd` says that the host is gone. */
  open(handlers: StreamHandlers): MessageStream;
}

export interface GuestStreamOptions extends Pick<AdsStreamOptions, 'subscriptions' | 'userAgentVersion' | 'events'> {
  readonly way: FeedWay;
  readonly key: string;
  readonly types: readonly { readonly kind: Kind; readonly typeUrl: string }[];
  /** The host has another version of inmesh, or another feed. */
  readonly onRefused: (reason: string) => void;
}

interface SharedPart {
  readonly head: Extract<HostMessage, { type: 'part' }>;
  readonly body: Uint8Array;
}

/** A stream of what somebody else has of the feed, in the place of one to the control plane. */
export class GuestStream implements AdsStream {
  readonly #options: GuestStreamOptions;
  readonly #stream: MessageStream;
  /** By type URL, what the host knows to be wanted. */
  readonly #told = new Map<string, { readonly names: ReadonlySet<string>; readonly all: boolean }>();
  #parts: SharedPart[] = [];
  #done = false;

  constructor(options: GuestStreamOptions) {
    this.#options = options;
    this.#stream = options.way.open({
      onMessage: (message) => this.#hear(message),
      onEnd: () => this.#end(),
    });
    this.#send({ type: 'hello', protocol: SHARE_PROTOCOL, version: options.userAgentVersion, key: options.key });
  }

  subscribe(subscription: Subscription): void {
    const kind = this.#options.types.find(({ typeUrl }) => typeUrl === subscription.typeUrl)?.kind;
    if (this.#done || kind === undefined) return;
    const before = this.#told.get(subscription.typeUrl);
    if (before === undefined && !subscription.wanted) return;
    const all = subscription.wildcard;
    const names: ReadonlySet<string> = all ? new Set() : new Set(subscription.names);
    const add = [...names].filter((name) => before?.names.has(name) !== true);
    const remove = [...(before?.names ?? [])].filter((name) => !names.has(name));
    this.#told.set(subscription.typeUrl, { names, all });
    if (add.length > 0 || remove.length > 0 || all !== (before?.all ?? false)) {
      this.#send({ type: 'want', kind, add, remove, all });
    }
    // The versions that the host tells are not those of a stream of our own.
    subscription.version = '';
    subscription.sent();
  }

  accept(): void {
    this.#next();
  }

  /** What the host accepted was refused here: it is told where it is watched, and the host can do nothing about it. */
  reject(_update: Update, reason: string): void {
    if (!this.#done)
      this.#options.events.onOddity(`what ${this.#options.way.via} accepted was refused here: ${reason}`);
    this.#next();
  }

  close(): void {
    if (this.#done) return;
    this.#done = true;
    this.#stream.close();
  }

  #end(): void {
    if (this.#done) return;
    this.#done = true;
    this.#options.events.onMoved();
  }

  #hear(message: Uint8Array): void {
    if (this.#done) return;
    try {
      const { head, body } = decodeMessage<HostMessage>(message);
      if (head.type === 'part') this.#take({ head, body });
      else if (head.type === 'state') this.#hearState(head);
      else this.#refused(head.reason);
    } catch (error) {
      this.#refused(`what it says cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #hearState({ controlPlane, connected, outage }: Omit<SecondHand, 'via'>): void {
    this.#options.events.onSecondHand({ via: this.#options.way.via, controlPlane, connected, outage });
  }

  #refused(reason: string): void {
    if (this.#done) return;
    this.close();
    this.#options.onRefused(reason);
  }

  #take(part: SharedPart): void {
    this.#parts.push(part);
    if (!part.head.last) {
      this.#next();
      return;
    }
    const parts = this.#parts;
    this.#parts = [];
    const { kind, all } = part.head;
    const typeUrl = this.#options.types.find((type) => type.kind === kind)?.typeUrl ?? '';
    // What was on its way when all was asked for comes again with all: taken now, it would pass for all there is.
    if (!all && this.#options.subscriptions.get(typeUrl)?.wildcard === true) {
      this.#next();
      return;
    }
    this.#options.events.onUpdate({
      typeUrl,
      version: '',
      nonce: '',
      complete: false,
      removed: [],
      problems: [],
      verdicts: parts.flatMap(({ head }): readonly Verdict[] => head.verdicts),
      resources: resourcesOf(parts, typeUrl),
    });
  }

  #next(): void {
    if (!this.#done) this.#send({ type: 'next' });
  }

  #send(message: GuestMessage): void {
    this.#stream.send(encodeMessage(message));
  }
}

function* resourcesOf(parts: readonly SharedPart[], typeUrl: string): Generator<UpdatedResource> {
  for (const { head, body } of parts) {
    let at = 0;
    for (const { name, version, size } of head.resources) {
      const bytes = body.subarray(at, at + size);
      at += size;
      yield { name, aliases: [], version, typeUrl, bytes, ttlMs: null, problem: null, secondHand: true };
    }
  }
}
