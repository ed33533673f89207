import type { Clock, Timer } from './clock.ts';
import { outsideContext } from './outside.ts';

/** Milliseconds between two looks at the wheel: how late a timeout may fire. */
const TICK_MS = 5;
const SLOTS = 512;
/** A tick this late means that the loop stood still; 50 ms is ten ticks, more than timer jitter. */
const LAG_MS = 50;

/** A timeout that was set on a wheel. */
export class WheelTimer implements Timer {
  readonly callback: () => void;
  /** The tick on which it falls due. */
  readonly due: number;
  slot: Set<WheelTimer> | null;

  constructor(due: number, callback: () => void, slot: Set<WheelTimer>) {
    this.due = due;
    this.callback = callback;
    this.slot = slot;
  }

  cancel(): void {
    this.slot?.delete(this);
    this.slot = null;
  }
}

/**
 * Timeouts of calls, many and rarely reached: setting and cancelling cost a set insertion, one driver timer serves all.
 *
 * When the event loop stood still, answers may be waiting in the sockets while deadlines have passed: after a late tick
 * the wheel lets one poll phase run before it expires anything.
 */
export class TimerWheel {
  readonly #clock: Clock;
  readonly #slots: (Set<WheelTimer> | undefined)[] = new Array(SLOTS);
  readonly #origin: number;
  #tick = 0;
  #driving = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#origin = clock.now();
  }

  /** Never fires early; fires at most one tick (5 ms, and the rest of a millisecond) late on a loop that is not held up. */
  set(ms: number, callback: () => void): Timer {
    if (!this.#driving) {
      this.#tick = this.#ticks();
      this.#drive();
    }
    const due = Math.ceil((this.#clock.now() - this.#origin + ms) / TICK_MS);
    const index = due % SLOTS;
    let slot = this.#slots[index];
    if (slot === undefined) {
      slot = new Set();
      this.#slots[index] = slot;
    }
    const timer = new WheelTimer(due, callback, slot);
    slot.add(timer);
    return timer;
  }

  #ticks(): number {
    return Math.floor((this.#clock.now() - this.#origin) / TICK_MS);
  }

  #drive(): void {
    this.#driving = true;
    const now = this.#clock.now();
    // To the next tick, not one tick from here: a timeout would else be late by the distance between the two as well.
    // Whole milliseconds, because Node keeps one list of timers per duration.
    const wait = Math.ceil(TICK_MS - ((now - this.#origin) % TICK_MS));
    outsideContext(() =>
      this.#clock.setTimer(
        wait,
        () => {
          const late = this.#clock.now() - now - wait;
          if (late > LAG_MS) this.#clock.afterInput(() => this.#turn());
          else this.#turn();
        },
        { unref: true },
      ),
    );
  }

  #turn(): void {
    const now = this.#ticks();
    const last = Math.min(now, this.#tick + SLOTS);
    try {
      for (let tick = this.#tick; tick <= last; tick++) this.#expire(this.#slots[tick % SLOTS], now);
      this.#tick = now;
    } finally {
      // Whatever a callback did: the other timeouts must not stop with it.
      if (this.#slots.some((slot) => slot !== undefined && slot.size > 0)) this.#drive();
      else this.#driving = false;
    }
  }

  #expire(slot: Set<WheelTimer> | undefined, now: number): void {
    if (slot === undefined) return;
    for (const timer of slot) {
      if (timer.due > now) continue;
      timer.cancel();
      timer.callback();
    }
  }
}
