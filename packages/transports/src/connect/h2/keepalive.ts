import type { ClientHttp2Session } from 'node:http2';
import type { Clock, Http2Keepalive, Random, Timer } from '@inmesh/core';

export interface KeepaliveParts {
  readonly clock: Clock;
  readonly random: Random;
}

/** Milliseconds that a doubted server has for its answer where the feed does not say: more than a stall of its event loop is likely to take. */
const DOUBT_TIMEOUT_MS = 5_000;
/** Milliseconds until a server that has answered a doubt is doubted again: gRPC servers put up with one PING in five minutes while they send nothing. */
const TRUST_MS = 300_000;
/** Where the feed asks for no PINGs. */
const NO_KEEPALIVE: Http2Keepalive = {
  intervalMs: 0,
  timeoutMs: DOUBT_TIMEOUT_MS,
  intervalJitterPercent: 0,
  connectionIdleIntervalMs: 0,
};

/**
 * PINGs that find out whether anybody is still there, as Envoy's codec sends them: every `interval`, made longer by chance,
 * and ahead of a call on a connection that was silent for `connection_idle_interval`. (envoy.config.core.v3.KeepaliveSettings)
 * And one that Envoy does not send: after a call that was given up in silence. A host that has stopped or vanished would keep its
 * connection otherwise, and with it every call to come, for as long as the kernel tries, which is a quarter of an hour.
 */
export class Keepalive {
  readonly #session: ClientHttp2Session;
  readonly #settings: Http2Keepalive;
  readonly #parts: KeepaliveParts;
  /** Bytes that the socket has read. */
  readonly #bytesRead: () => number;
  readonly #onSilence: (error: Error) => void;
  #next: Timer | null = null;
  #awaiting: Timer | null = null;
  #heardAt: number;
  /** Not doubted before. */
  #trustedUntil = Number.NEGATIVE_INFINITY;
  #stopped = false;

  constructor(
    session: ClientHttp2Session,
    settings: Http2Keepalive | null,
    parts: KeepaliveParts,
    bytesRead: () => number,
    onSilence: (error: Error) => void,
  ) {
    this.#session = session;
    this.#settings = settings ?? NO_KEEPALIVE;
    this.#parts = parts;
    this.#bytesRead = bytesRead;
    this.#onSilence = onSilence;
    this.#heardAt = parts.clock.now();
    this.#schedule();
  }

  heard(): void {
    if (this.#settings.connectionIdleIntervalMs > 0) this.#heardAt = this.#parts.clock.now();
  }

  /** A call was given up, and nothing was heard of the server all the while. */
  doubt(): void {
    if (this.#parts.clock.now() >= this.#trustedUntil) this.#ping();
  }

  /** Ahead of a call. */
  beforeCall(): void {
    const { connectionIdleIntervalMs } = this.#settings;
    if (connectionIdleIntervalMs <= 0) return;
    if (this.#parts.clock.now() - this.#heardAt > connectionIdleIntervalMs) this.#ping();
  }

  stop(): void {
    this.#stopped = true;
    this.#next?.cancel();
    this.#awaiting?.cancel();
  }

  #schedule(): void {
    const { intervalMs, intervalJitterPercent } = this.#settings;
    if (intervalMs <= 0 || this.#stopped) return;
    const jitterMs = (this.#parts.random() * intervalJitterPercent * intervalMs) / 100;
    this.#next = this.#parts.clock.setTimer(intervalMs + jitterMs, () => this.#ping(), { unref: true });
  }

  #ping(): void {
    if (this.#awaiting !== null || this.#stopped || this.#session.destroyed) return;
    this.#await();
    this.#session.ping((error) => {
      if (error !== null || this.#stopped) return;
      this.#awaiting?.cancel();
      this.#awaiting = null;
      this.heard();
      this.#trustedUntil = this.#parts.clock.now() + TRUST_MS;
      this.#next?.cancel();
      this.#schedule();
    });
  }

  /** Anything that comes puts the verdict off: the answer may wait behind it. */
  #await(): void {
    const { clock } = this.#parts;
    const { timeoutMs } = this.#settings;
    const before = this.#bytesRead();
    this.#awaiting = clock.setTimer(
      timeoutMs,
      // After a stall of the loop the answer may be waiting already: it is read before the verdict.
      () => clock.afterInput(() => this.#judge(before)),
      { unref: true },
    );
  }

  #judge(before: number): void {
    if (this.#stopped || this.#awaiting === null) return;
    if (this.#bytesRead() > before) this.#await();
    else this.#onSilence(new Error(`a PING was not answered within ${this.#settings.timeoutMs} ms`));
  }
}
