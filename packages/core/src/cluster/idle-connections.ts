import type { Clock, Timer } from '../util/clock.ts';
import { outsideContext } from '../util/outside.ts';
import type { PooledConnection } from './pooled-connection.ts';

/** The longest that a timer of the platform can be set to; a longer one would fire at once. */
const LONGEST_MS = 2 ** 31 - 1;

export interface IdleParts {
  readonly clock: Clock;
  /** The clock, as it was a little while ago: every call asks, for a timeout of minutes. */
  lately(): number;
  /** Milliseconds that a connection may be without a call; 0 for no limit. (idle_timeout) */
  timeoutMs(): number;
  /** Those that may be idle. */
  readonly connections: readonly PooledConnection[];
  expire(pooled: PooledConnection): void;
}

/** Ends connections that nobody has used for long: one timer for a pool, set by the first and moved on when it fires, so that a call costs none. */
export class IdleConnections {
  readonly #parts: IdleParts;
  #timer: Timer | null = null;

  constructor(parts: IdleParts) {
    this.#parts = parts;
  }

  note(pooled: PooledConnection): void {
    const timeoutMs = this.#parts.timeoutMs();
    if (timeoutMs === 0) return;
    pooled.idleSince = this.#parts.lately();
    if (this.#timer === null) this.#set(timeoutMs);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #set(ms: number): void {
    const { clock } = this.#parts;
    this.#timer = outsideContext(() => clock.setTimer(Math.min(ms, LONGEST_MS), () => this.#look(), { unref: true }));
  }

  #look(): void {
    this.#timer = null;
    const { clock, connections } = this.#parts;
    const timeoutMs = this.#parts.timeoutMs();
    const now = clock.now();
    let oldest = now;
    for (const pooled of connections.filter(({ active }) => active === 0)) {
      if (now - pooled.idleSince >= timeoutMs) this.#parts.expire(pooled);
      else oldest = Math.min(oldest, pooled.idleSince);
    }
    if (connections.some(({ active }) => active === 0)) this.#set(timeoutMs - (now - oldest));
  }
}
