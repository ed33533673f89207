import { Backoff, type BackoffOptions, type Clock, type Random, type RpcTransport, type Timer } from '@inmesh/core';
import { RpcError, rpcCode } from './rpc-error.ts';

export interface FollowedStreamParts {
  readonly transport: RpcTransport;
  readonly path: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly request: Uint8Array;
  readonly clock: Clock;
  readonly random: Random;
  readonly backoff: BackoffOptions;
}

export interface FollowedStreamEvents {
  /** True where it is of use: the next wait is then the shortest again. */
  onMessage(message: Uint8Array): boolean;
  /** The stream ended, or never came to be. `forGood`: there will be no other. */
  onFailed(error: RpcError, forGood: boolean): void;
}

/** What the server does not understand today it will not understand in a minute. (SPIFFE Workload Endpoint, appendix A) */
const FOR_GOOD: ReadonlySet<number> = new Set([rpcCode.invalidArgument, rpcCode.unimplemented]);

/** One request and the messages that come upon it, again whenever the stream ends: at once after one that was of use, else after a wait. */
export class FollowedStream {
  readonly #parts: FollowedStreamParts;
  readonly #events: FollowedStreamEvents;
  readonly #backoff: Backoff;
  #close: (() => void) | null = null;
  #retry: Timer | null = null;
  #closed = false;
  /** When a stream was last opened without a wait. */
  #lastAtOnce = Number.NEGATIVE_INFINITY;

  constructor(parts: FollowedStreamParts, events: FollowedStreamEvents) {
    this.#parts = parts;
    this.#events = events;
    this.#backoff = new Backoff(parts.random, parts.backoff);
    this.#open();
  }

  close(): void {
    this.#closed = true;
    this.#retry?.cancel();
    this.#close?.();
    this.#close = null;
  }

  #open(): void {
    const { transport, path, metadata, request } = this.#parts;
    this.#retry = null;
    let useful = false;
    const stream = transport.open(path, metadata, {
      onMessage: (message) => {
        if (!this.#events.onMessage(message)) return;
        useful = true;
        this.#backoff.reset();
      },
      onEnd: (status) => {
        this.#close = null;
        const message = status.code === rpcCode.ok ? 'the server ended the stream' : status.message;
        this.#ended(new RpcError({ code: status.code, message }), useful);
      },
    });
    this.#close = () => stream.close();
    stream.send(request);
    stream.finish();
  }

  #ended(error: RpcError, useful: boolean): void {
    const forGood = FOR_GOOD.has(error.code);
    const { clock } = this.#parts;
    // At once, but not again and again: a server that answers and hangs up each time is asked once per base delay.
    const atOnce = useful && !forGood && clock.now() - this.#lastAtOnce >= this.#backoff.baseMs;
    if (!atOnce || error.code !== rpcCode.ok) this.#events.onFailed(error, forGood);
    if (this.#closed || forGood) return;
    if (atOnce) this.#lastAtOnce = clock.now();
    this.#retry = clock.setTimer(atOnce ? 0 : this.#backoff.next(), () => this.#open(), { unref: true });
  }
}
