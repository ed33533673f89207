import { MeshError, outsideContext, type StreamStatus, type Timer } from '@inmesh/core';
import { Reopening } from './reopening.ts';
import type { SecondHand } from './second-hand.ts';
import type { ServerLinkOptions } from './server-link-options.ts';
import { type AdsStreamState, type AdsStreamStatus, type ControlPlaneStats, newControlPlaneStats } from './status.ts';
import type { AdsStream } from './stream.ts';
import { anyHeld, anyWanted } from './subscription.ts';
import { VariantChoice } from './variant-choice.ts';

/** gRPC's INTERNAL. */
const internal = 13;

/**
 * The bond with one control plane: at most one stream at a time, opened when there is something to ask for, and opened
 * again after it ended, with everything subscribed (gRFC A57). At rest, until `wake`, it asks for nothing.
 */
export class ServerLink {
  readonly stats: ControlPlaneStats = newControlPlaneStats();
  readonly #options: ServerLinkOptions;
  #stream: AdsStream | null = null;
  #state: AdsStreamState = 'idle';
  #since: number;
  #outage: MeshError | null = null;
  #retry: Timer | null = null;
  readonly #reopening: Reopening;
  #flushing = false;
  #resting = true;
  #failing = false;
  #up = false;
  readonly #variant: VariantChoice;
  /** How the server is, where the stream goes to somebody else who knows. */
  #secondHand: SecondHand | null = null;

  constructor(options: ServerLinkOptions) {
    this.#options = options;
    this.#reopening = new Reopening(options);
    this.#variant = new VariantChoice(options.variant);
    this.#since = options.clock.wallNow();
  }

  /** Why the server cannot be reached; null while it can, as far as is known. */
  get outage(): MeshError | null {
    return this.#outage;
  }

  /** The last stream ended without a response, and there was none since. */
  get failing(): boolean {
    return this.#failing;
  }

  /** The connection of the stream is up. */
  get up(): boolean {
    return this.#up;
  }

  /** The stream is not to the server itself: whoever it goes to waits for the server's answers, and says which do not come. */
  get secondHand(): boolean {
    return this.#secondHand !== null;
  }

  status(): AdsStreamStatus {
    return {
      serverUri: this.#secondHand?.controlPlane ?? this.#options.serverUri,
      via: this.#secondHand?.via ?? null,
      variant: this.#variant.current,
      state: this.#state,
      connected: this.#state === 'connected',
      since: this.#since,
      lastError: this.#outage?.message ?? null,
    };
  }

  /** Subscriptions changed: the server is told once, after all the changes of this turn. */
  schedule(): void {
    if (this.#flushing || this.#resting || this.#state === 'closed') return;
    this.#flushing = true;
    outsideContext(() => queueMicrotask(() => this.#flush()));
  }

  /** Asks for all that is wanted; `previous`: the server that was asked before this one. */
  wake(previous: ServerLink | null): void {
    this.#resting = false;
    const before = previous === null ? null : previous.#options.subscriptions;
    for (const [typeUrl, subscription] of this.#options.subscriptions) {
      subscription.follow(before?.get(typeUrl) ?? null);
    }
    if (previous !== null) this.schedule();
  }

  /** Nothing of what this server gave is said to be held, so that it sends all of it again: another server's is in force meanwhile. */
  forgetVersions(): void {
    for (const subscription of this.#options.subscriptions.values()) subscription.version = '';
  }

  /** Hangs up until it is woken. */
  rest(): void {
    this.#resting = true;
    this.#hangUp();
    this.#failing = false;
    this.#outage = null;
    this.#reopening.reset();
    this.#enter('idle');
    for (const subscription of this.#options.subscriptions.values()) subscription.leave();
  }

  close(): void {
    this.#hangUp();
    this.#enter('closed');
  }

  #hangUp(): void {
    this.#retry?.cancel();
    this.#retry = null;
    this.#stream?.close();
    this.#stream = null;
    this.#secondHand = null;
    this.#up = false;
    this.stats.connected_state = 0;
  }

  #flush(): void {
    this.#flushing = false;
    if (this.#resting) return;
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
    if (!anyWanted(this.#options.subscriptions.values())) {
      this.#failing = false;
      this.#enter('idle');
      return;
    }
    this.#enter('connecting');
    this.stats.stream_opened++;
    this.#reopening.opened();
    try {
      this.#connect();
    } catch (error) {
      // A token that cannot be read, a node that cannot be written: worth another try, never a crash.
      this.#stream?.close();
      this.#ended({ code: internal, message: `it could not be opened: ${(error as Error).message}` }, false, false);
    }
  }

  #connect(): void {
    const { transport, metadata, node, userAgentVersion, subscriptions, openStream, events } = this.#options;
    let stream: AdsStream | null = null;
    let ended = false;
    let responded = false;
    const resumes = this.#variant.current === 'delta' && anyHeld(subscriptions.values());
    const opened = openStream[this.#variant.current]({
      transport,
      metadata: metadata(),
      node,
      userAgentVersion,
      subscriptions,
      events: {
        onOpen: () => {
          if (resumes) this.#present();
          this.#opened();
        },
        onUpdate: (update) => {
          responded = true;
          if (this.#secondHand === null) {
            this.#opened();
            this.#heard();
          }
          if (stream !== null) events.onUpdate(update, stream);
        },
        onSecondHand: (news) => {
          responded = true;
          this.#hearOf(news);
        },
        onMoved: () => {
          ended = true;
          this.#openAgain();
        },
        onOddity: (message) => events.onOddity(this.#error('invalid_config', message)),
        onEnd: (status, garbage) => {
          ended = true;
          if (!responded && !garbage && this.#variant.changes(status)) this.#openAgain();
          else this.#ended(status, responded, garbage);
        },
      },
    });
    if (ended) return;
    stream = opened;
    this.#stream = opened;
    for (const subscription of subscriptions.values()) opened.subscribe(subscription);
  }

  #opened(): void {
    if (this.#up) return;
    this.#up = true;
    this.#options.events.onUp();
  }

  /** What comes from there says nothing of the server, so its state is told apart. */
  #hearOf(news: SecondHand): void {
    this.#secondHand = news;
    if (news.connected) {
      this.#opened();
      this.#heard();
      return;
    }
    this.#up = false;
    this.stats.connected_state = 0;
    this.#outage = news.outage === null ? null : this.#error('connection_failure', news.outage);
    this.#enter(news.outage === null ? 'connecting' : 'backoff');
    this.#options.events.onDown(this.#outage);
  }

  #openAgain(): void {
    this.#stream = null;
    this.#secondHand = null;
    this.#up = false;
    this.#options.events.onDown(null);
    if (!this.#closed()) this.#open();
  }

  #heard(): void {
    this.#variant.confirm();
    this.#reopening.reset();
    this.#present();
  }

  #present(): void {
    if (this.#state === 'connected') return;
    this.#failing = false;
    this.#outage = null;
    this.stats.connected_state = 1;
    this.#enter('connected');
  }

  #ended(status: StreamStatus, responded: boolean, garbage: boolean): void {
    this.#stream = null;
    this.#secondHand = null;
    this.#up = false;
    this.stats.connected_state = 0;
    const { clock, events } = this.#options;
    const answered = responded && !garbage;
    const complaint = this.#reopening.ended(status);
    if (complaint !== null) events.onOddity(this.#error('connection_failure', complaint));
    if (!answered) {
      this.stats.stream_failed++;
      this.#failing = !responded;
      this.#outage = this.#error(
        'connection_failure',
        `the ADS stream failed: status ${status.code}, ${status.message}`,
      );
    }
    events.onDown(answered ? null : this.#outage);
    if (this.#closed()) return;
    const waitMs = this.#reopening.wait(answered);
    if (waitMs === 0) {
      this.#open();
      return;
    }
    this.#enter('backoff');
    this.#retry = clock.setTimer(waitMs, () => this.#open(), { unref: true });
  }

  /** A watcher may close the client while it is told of the end. */
  #closed(): boolean {
    return this.#state === 'closed';
  }

  #enter(state: AdsStreamState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#since = this.#options.clock.wallNow();
    this.#options.events.onStatus();
  }

  #error(code: MeshError['code'], message: string): MeshError {
    return new MeshError(code, message, {
      nodeId: this.#options.node.id,
      controlPlane: this.#secondHand?.controlPlane ?? this.#options.serverUri,
    });
  }
}
