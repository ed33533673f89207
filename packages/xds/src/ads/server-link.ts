import { AsyncLocalStorage } from 'node:async_hooks';
import { type Clock, MeshError, type StreamStatus, type StreamTransport, type Timer } from '@inmesh/core';
import type { Backoff } from './backoff.ts';
import type { AdsNode } from './node.ts';
import { type AdsStreamState, type AdsStreamStatus, type ControlPlaneStats, newControlPlaneStats } from './status.ts';
import type { AdsStream, OpenAdsStream, Update } from './stream.ts';
import type { Subscription } from './subscription.ts';

export interface ServerLinkOptions {
  readonly transport: StreamTransport;
  readonly serverUri: string;
  readonly metadata: () => Readonly<Record<string, string>>;
  readonly node: AdsNode;
  readonly userAgentVersion: string;
  readonly subscriptions: ReadonlyMap<string, Subscription>;
  readonly openStream: OpenAdsStream;
  readonly backoff: Backoff;
  readonly clock: Clock;
  readonly events: ServerLinkEvents;
}

export interface ServerLinkEvents {
  /** To be answered on the stream it came from. */
  onUpdate(update: Update, stream: AdsStream): void;
  /** The stream is gone; `error` where that is bad news, null where the next one follows at once. */
  onDown(error: MeshError | null): void;
  onOddity(error: MeshError): void;
}

/** gRPC's INTERNAL. */
const internal = 13;

/** Streams and timers live outside any request, whoever was the first to watch. */
const outsideAnyCall: <R>(body: () => R) => R = AsyncLocalStorage.snapshot();

/**
 * The bond with one control plane: at most one stream at a time, opened when there is something to ask for, and opened
 * again after it ended, with everything subscribed (gRFC A57).
 */
export class ServerLink {
  readonly stats: ControlPlaneStats = newControlPlaneStats();
  readonly #options: ServerLinkOptions;
  #stream: AdsStream | null = null;
  #state: AdsStreamState = 'idle';
  #since: number;
  #outage: MeshError | null = null;
  #retry: Timer | null = null;
  /** When a stream was last opened without a wait after another one. */
  #lastAtOnce = Number.NEGATIVE_INFINITY;
  #flushing = false;

  constructor(options: ServerLinkOptions) {
    this.#options = options;
    this.#since = options.clock.wallNow();
  }

  /** Why the server cannot be reached; null while it can, as far as is known. */
  get outage(): MeshError | null {
    return this.#outage;
  }

  status(): AdsStreamStatus {
    return {
      serverUri: this.#options.serverUri,
      state: this.#state,
      connected: this.#state === 'connected',
      since: this.#since,
      lastError: this.#outage?.message ?? null,
    };
  }

  /** Subscriptions changed: the server is told once, after all the changes of this turn. */
  schedule(): void {
    if (this.#flushing || this.#state === 'closed') return;
    this.#flushing = true;
    outsideAnyCall(() => queueMicrotask(() => this.#flush()));
  }

  close(): void {
    this.#retry?.cancel();
    this.#retry = null;
    this.#stream?.close();
    this.#stream = null;
    this.stats.connected_state = 0;
    this.#enter('closed');
  }

  #flush(): void {
    this.#flushing = false;
    const stream = this.#stream;
    if (stream !== null) {
      for (const subscription of this.#options.subscriptions.values()) {
        if (subscription.changed) stream.subscribe(subscription);
      }
    } else if (this.#state === 'idle') {
      this.#open();
    }
  }

  #open(): void {
    this.#retry = null;
    if (!this.#wanted()) {
      this.#enter('idle');
      return;
    }
    this.#enter('connecting');
    this.stats.stream_opened++;
    try {
      this.#connect();
    } catch (error) {
      // A token that cannot be read, a node that cannot be written: worth another try, never a crash.
      this.#stream?.close();
      this.#ended({ code: internal, message: `it could not be opened: ${(error as Error).message}` }, false);
    }
  }

  #connect(): void {
    const { transport, metadata, node, userAgentVersion, subscriptions, openStream, events } = this.#options;
    let stream: AdsStream | null = null;
    let ended = false;
    let responded = false;
    const opened = openStream({
      transport,
      metadata: metadata(),
      node,
      userAgentVersion,
      subscriptions,
      events: {
        onUpdate: (update) => {
          responded = true;
          this.#heard();
          if (stream !== null) events.onUpdate(update, stream);
        },
        onOddity: (message) => events.onOddity(this.#error('invalid_config', message)),
        onEnd: (status, garbage) => {
          ended = true;
          this.#ended(status, responded && !garbage);
        },
      },
    });
    if (ended) return;
    stream = opened;
    this.#stream = opened;
    for (const subscription of subscriptions.values()) opened.subscribe(subscription);
  }

  #wanted(): boolean {
    for (const subscription of this.#options.subscriptions.values()) {
      if (subscription.names.size > 0) return true;
    }
    return false;
  }

  #heard(): void {
    if (this.#state === 'connected') return;
    this.#options.backoff.reset();
    this.#outage = null;
    this.stats.connected_state = 1;
    this.#enter('connected');
  }

  #ended(status: StreamStatus, routine: boolean): void {
    this.#stream = null;
    this.stats.connected_state = 0;
    const { clock, backoff, events } = this.#options;
    if (routine) {
      events.onDown(null);
      if (this.#closed()) return;
      // At once, but not again and again: a server that answers and hangs up each time is asked once per base delay.
      if (clock.now() - this.#lastAtOnce >= backoff.baseMs) {
        this.#lastAtOnce = clock.now();
        this.#open();
        return;
      }
    } else {
      this.stats.stream_failed++;
      this.#outage = this.#error(
        'connection_failure',
        `the ADS stream failed: status ${status.code}, ${status.message}`,
      );
      events.onDown(this.#outage);
      if (this.#closed()) return;
    }
    this.#enter('backoff');
    this.#retry = clock.setTimer(backoff.next(), () => this.#open(), { unref: true });
  }

  /** A watcher may close the client while it is told of the end. */
  #closed(): boolean {
    return this.#state === 'closed';
  }

  #enter(state: AdsStreamState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#since = this.#options.clock.wallNow();
  }

  #error(code: MeshError['code'], message: string): MeshError {
    return new MeshError(code, message, { nodeId: this.#options.node.id, controlPlane: this.#options.serverUri });
  }
}
