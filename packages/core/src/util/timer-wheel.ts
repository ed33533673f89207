import type { Clock, Timer } from './clock.ts';
import { outsideContext } from './outside.ts';

/** Milliseconds between two looks at the wheel: how late a timeout may fire. */
const TICK_MS = 5;
const SLOTS = 512;
/** A tick this late means that the loop stood still; 50 ms is ten ticks, more than timer jitter. */
const LAG_MS = 50;
/** From here on a tick is no more than a two-thousandth: not worth the look at the clock, which can cost as much as a layer of the stack. */
const LONG_MS = 10_000;

/**
 * A timeout that was set on a wheel, and its place in the ring of those that fall due on ticks of one slot. Rings and not sets: the tables
 * of sets that calls are put into and taken out of by the ten thousand cost the collector more than the calls do.
 */
class WheelTimer implements Timer {
  readonly callback: () => void;
  /** The tick on which it falls due; for one that does not count yet, the milliseconds from when it does. */
  due: number;
  before: WheelTimer = this;
  after: WheelTimer = this;
  readonly #wheel: { live: number };

  constructor(due: number, callback: () => void, wheel: { live: number }) {
    this.due = due;
    this.callback = callback;
    this.#wheel = wheel;
  }

  get alone(): boolean {
    return this.after === this;
  }

  join(ring: WheelTimer): void {
    this.before = ring.before;
    this.after = ring;
    ring.before.after = this;
    ring.before = this;
    this.#wheel.live++;
  }

  cancel(): void {
    if (this.alone) return;
    this.before.after = this.after;
    this.after.before = this.before;
    this.before = this;
    this.after = this;
    this.#wheel.live--;
  }
}

/**
 * Timeouts of calls, many and rarely reached: setting and cancelling one is a matter of four pointers, one driver timer serves all.
 *
 * When the event loop stood still, answers may be waiting in the sockets while deadlines have passed: after a late tick
 * the wheel lets one poll phase run before it expires anything.
 */
export class TimerWheel {
  readonly #clock: Clock;
  /** The head of each slot's ring is no timer. */
  readonly #slots: (WheelTimer | undefined)[] = new Array(SLOTS);
  readonly #timers = { live: 0 };
  /** Long ones that were set since the last tick: they count from the next. Most are cancelled before it. */
  readonly #fresh: WheelTimer = new WheelTimer(0, () => {}, this.#timers);
  readonly #origin: number;
  #tick = 0;
  #driving = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#origin = clock.now();
  }

  /**
   * Never fires early; fires at most one tick (5 ms, and the rest of a millisecond) late on a loop that is not held up, and one of ten
   * seconds or more two ticks.
   */
  set(ms: number, callback: () => void): Timer {
    if (!this.#driving) {
      this.#tick = Math.floor(this.#elapsed() / TICK_MS);
      this.#drive();
    }
    const long = ms >= LONG_MS;
    const timer = new WheelTimer(long ? ms : Math.ceil((this.#elapsed() + ms) / TICK_MS), callback, this.#timers);
    timer.join(long ? this.#fresh : this.#slotOf(timer.due));
    return timer;
  }

  /** The clock as of the last tick: behind by 5 ms, or as much as the loop was held up. Cheaper than asking the clock, while a timeout is set. */
  get lately(): number {
    return this.#driving ? this.#origin + this.#tick * TICK_MS : this.#clock.now();
  }

  #elapsed(): number {
    return this.#clock.now() - this.#origin;
  }

  #slotOf(due: number): WheelTimer {
    const index = due % SLOTS;
    let slot = this.#slots[index];
    if (slot === undefined) {
      slot = new WheelTimer(0, () => {}, this.#timers);
      this.#slots[index] = slot;
    }
    return slot;
  }

  /** Those that were set since the last tick have their time from now on. */
  #place(elapsed: number): void {
    for (let timer = this.#fresh.after; timer !== this.#fresh; timer = this.#fresh.after) {
      timer.cancel();
      timer.due = Math.ceil((elapsed + timer.due) / TICK_MS);
      timer.join(this.#slotOf(timer.due));
    }
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
    const elapsed = this.#elapsed();
    const now = Math.floor(elapsed / TICK_MS);
    this.#place(elapsed);
    const last = Math.min(now, this.#tick + SLOTS);
    try {
      for (let tick = this.#tick; tick <= last; tick++) this.#expire(this.#slots[tick % SLOTS], now);
      this.#tick = now;
    } finally {
      // Whatever a callback did: the other timeouts must not stop with it.
      if (this.#timers.live > 0) this.#drive();
      else this.#driving = false;
    }
  }

  /** Callbacks may set and cancel timeouts, also of this slot. */
  #expire(slot: WheelTimer | undefined, now: number): void {
    if (slot === undefined || slot.alone) return;
    const due: WheelTimer[] = [];
    for (let timer = slot.after; timer !== slot; timer = timer.after) if (timer.due <= now) due.push(timer);
    for (const timer of due) {
      if (timer.alone) continue;
      timer.cancel();
      timer.callback();
    }
  }
}
