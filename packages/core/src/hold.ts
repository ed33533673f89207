import type { Call } from './call.ts';
import type { Holder } from './controller.ts';
import type { AuthorityEntry, Directory } from './directory.ts';
import type { Dispatch, Handler, Layer } from './dispatch.ts';
import { MeshError } from './errors.ts';
import { selectRoute } from './router/router.ts';
import type { Clock, Timer } from './util/clock.ts';
import { outsideContext, thisContext } from './util/outside.ts';

export interface HoldOptions {
  readonly directory: Directory;
  readonly clock: Clock;
  /** Milliseconds a call waits for its route; longer than a resource may take to count as not there, so that this verdict comes first. */
  readonly holdTimeoutMs: number;
  /** Calls that wait at the same time; the next is refused. Default 10,000: a bound on memory, far above one burst at start. */
  readonly maxHeld: number;
}

/**
 * Lets a call wait until the routes of its authority are known: at start, at the first call to a service, while the
 * control plane is away. Bounded in number and time; a held call keeps the process alive, because somebody awaits it.
 */
export function hold(options: HoldOptions): Layer {
  const room = { held: 0 };
  return (next) => (call, handler) => {
    call.caller ??= handler;
    const entry = options.directory.lookup(call.context.target, call.head.authority);
    if (isKnown(entry, call)) {
      admit(next, call, handler, entry);
      return;
    }
    if (room.held >= options.maxHeld) {
      handler.onResponseError(
        new MeshError('hold_overflow', `${room.held} calls wait for their routes already (maxHeld)`, {
          authority: entry.authority,
        }),
      );
      return;
    }
    new Held(options, room, next, call, handler, entry);
  };
}

/**
 * Lets a call wait once more where it goes elsewhere now: a filter had its route chosen anew, or changed the header that names its cluster,
 * and the feed has not told about that cluster yet. Then the routes in force by that time choose. Costs all other calls a look.
 */
export function holdAgain(options: HoldOptions): Layer {
  const again = hold(options);
  return (next) => {
    const wait = again((call, handler) => {
      selectRoute(call);
      next(call, handler);
    });
    return (call, handler) => {
      if (call.route?.awaits(call) === true) wait(call, handler);
      else next(call, handler);
    };
  };
}

/** True once the feed has told all that this call needs: its routes, and the clusters that its own route may choose. */
function isKnown({ table, error }: AuthorityEntry, call: Call): boolean {
  return table === null ? error !== null : !table.awaits(call);
}

function admit(next: Dispatch, call: Call, handler: Handler, entry: AuthorityEntry): void {
  call.table = entry.table;
  if (entry.table !== null) {
    next(call, handler);
    return;
  }
  // A cluster that the caller asks for is never given up for what was there before the mesh.
  const asks = (call.overrides?.cluster ?? null) !== null;
  call.passes = entry.absent && call.context.passThrough !== null && !asks;
  handler.onResponseError(entry.error as Error);
}

class Held implements Holder {
  readonly #room: { held: number };
  readonly #call: Call;
  readonly #handler: Handler;
  readonly #timer: Timer;
  #forget: () => void = () => {};
  #waiting = true;

  constructor(
    { clock, holdTimeoutMs }: HoldOptions,
    room: { held: number },
    next: Dispatch,
    call: Call,
    handler: Handler,
    entry: AuthorityEntry,
  ) {
    this.#room = room;
    this.#call = call;
    this.#handler = handler;
    room.held++;
    call.controller.attach(this);
    // What wakes it is the feed, and filters of the application's run in the context of their call.
    const inContext = thisContext();
    const look = () => {
      if (!isKnown(entry, call)) this.#forget = entry.whenSettled(look);
      else if (this.#leave()) inContext(() => admit(next, call, handler, entry));
    };
    this.#forget = entry.whenSettled(look);
    this.#timer = outsideContext(() =>
      clock.setTimer(holdTimeoutMs, () => {
        if (!this.#leave()) return;
        handler.onResponseError(
          new MeshError(
            'config_timeout',
            `the control plane has not told all that the call needs within ${holdTimeoutMs} ms`,
            {
              authority: entry.authority,
            },
          ),
        );
      }),
    );
  }

  abort(error: Error): void {
    if (this.#leave()) this.#handler.onResponseError(error);
  }

  pause(): void {}
  resume(): void {}

  /** Ends the wait, once: a call that is admitted may give up others that were to be admitted after it. */
  #leave(): boolean {
    if (!this.#waiting) return false;
    this.#waiting = false;
    this.#room.held--;
    this.#timer.cancel();
    this.#forget();
    this.#call.controller.detach(this);
    return true;
  }
}
