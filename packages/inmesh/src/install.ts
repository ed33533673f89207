import type { DispatcherLike, MeshDispatcher } from '@inmesh/transports';

/** Where undici 7 and 8 look for the process-wide dispatcher, and where undici 5 and 6 (built into Node 22) do. */
const SLOTS = [Symbol.for('undici.globalDispatcher.2'), Symbol.for('undici.globalDispatcher.1')] as const;

type Slots = { [slot: symbol]: DispatcherLike | undefined };

/** The mesh as the process-wide dispatcher, and the way back. */
export class Installation {
  readonly #dispatcherFor: (previous: () => DispatcherLike) => MeshDispatcher;
  #undo: (() => void) | null = null;

  /** `dispatcherFor` makes a door that lets what is not the mesh's pass to the given dispatcher. */
  constructor(dispatcherFor: (previous: () => DispatcherLike) => MeshDispatcher) {
    this.#dispatcherFor = dispatcherFor;
  }

  get installed(): boolean {
    return this.#undo !== null;
  }

  /** Idempotent. What was installed before stays in use, untouched, for everything that is not the mesh's. */
  install(): void {
    if (this.#undo !== null) return;
    const slots = globalThis as unknown as Slots;
    wakeBuiltIn();
    const undo = SLOTS.flatMap((slot) => {
      const previous = slots[slot];
      if (previous === undefined) return [];
      const own = this.#dispatcherFor(() => previous);
      put(slot, own);
      // Whoever installed another dispatcher over ours since keeps it.
      return [
        () => {
          if (slots[slot] === own) put(slot, previous);
        },
      ];
    });
    this.#undo = () => {
      for (const each of undo) each();
    };
  }

  uninstall(): void {
    this.#undo?.();
    this.#undo = null;
  }
}

/** The dispatcher that calls would go to without the mesh. */
export function globalDispatcher(): DispatcherLike {
  wakeBuiltIn();
  const slots = globalThis as unknown as Slots;
  const found = slots[SLOTS[0]] ?? slots[SLOTS[1]];
  if (found === undefined) throw new TypeError('the runtime has no global dispatcher');
  return found;
}

/** The runtime makes its dispatcher when fetch is first looked at. */
function wakeBuiltIn(): void {
  void globalThis.fetch;
}

function put(slot: symbol, dispatcher: DispatcherLike): void {
  Object.defineProperty(globalThis, slot, {
    value: dispatcher,
    writable: true,
    enumerable: false,
    configurable: false,
  });
}
