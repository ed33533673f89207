import type { Address, Clock, Connecting, MeshError } from '@inmesh/core';
import type { Cancel, Opened } from './dial.ts';
import { race } from './happy-eyeballs.ts';
import { goTo, type Way } from './way.ts';

interface OpeningParts {
  readonly addresses: readonly Address[];
  readonly way: Way;
  /** From the first attempt to the end of the last handshake. (connect_timeout) */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** A connection on its way: all its addresses and all its layers, within one time. */
export class Opening implements Connecting {
  readonly #opened: Opened;
  readonly #cancel: Cancel;
  readonly #timer: { cancel(): void };
  #over = false;

  constructor({ addresses, way, timeoutMs, clock }: OpeningParts, opened: Opened) {
    this.#opened = opened;
    const settle: Opened = (error, socket) => {
      if (this.#leave()) this.#opened(error, socket);
    };
    const [only] = addresses;
    this.#cancel =
      addresses.length === 1 && only !== undefined
        ? goTo(only, way, settle)
        : race(addresses, clock, (address, done) => goTo(address, way, done), settle);
    this.#timer = clock.setTimer(timeoutMs, () => {
      // After a stall of the loop the answer may be waiting already: it is read before the verdict.
      clock.afterInput(() => {
        if (!this.#leave()) return;
        this.#cancel();
        this.#opened({ timeout: true, cause: new Error(`connect timeout after ${timeoutMs} ms`) }, null);
      });
    });
  }

  cancel(): void {
    if (this.#leave()) this.#cancel();
  }

  #leave(): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.#timer.cancel();
    return true;
  }
}

/** Tells, later than this returns, that there is no way. */
export function refuse(cause: MeshError, opened: Opened): Connecting {
  let over = false;
  queueMicrotask(() => {
    if (!over) opened({ timeout: false, cause }, null);
  });
  return {
    cancel: () => {
      over = true;
    },
  };
}
