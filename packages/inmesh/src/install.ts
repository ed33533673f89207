import { type DispatcherLike, MeshDispatcher } from '@inmesh/transports';

/** Where undici 8 looks for the process-wide dispatcher, and the fetch built into Node 26. */
const CURRENT = Symbol.for('undici.globalDispatcher.2');
/** Where undici 5, 6 and 7 look, and the fetch built into Node 22 and 24. */
const LEGACY = Symbol.for('undici.globalDispatcher.1');
const SLOTS = [CURRENT, LEGACY] as const;

/** Where this runtime's own fetch looks. */
const BUILT_IN = Number.parseInt(process.versions.undici ?? '', 10) >= 8 ? CURRENT : LEGACY;

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

/**
 * Where calls would go without the mesh: to the process-wide dispatcher of the caller's undici, as it is at that moment,
 * or, where somebody put a mesh in that place, to the one that was there before.
 */
export class WithoutMesh {
  readonly #last = new Map<symbol, DispatcherLike>();

  constructor() {
    wakeBuiltIn();
    for (const slot of SLOTS) {
      let found = (globalThis as unknown as Slots)[slot];
      while (found instanceof MeshDispatcher) found = found.previous(slot === LEGACY);
      if (found !== undefined) this.#last.set(slot, found);
    }
  }

  /** For npm's undici: versions 6 and 7 (`legacy`), or 8. */
  dispatcher(legacy: boolean): DispatcherLike {
    return this.#at(legacy ? LEGACY : CURRENT);
  }

  /** For the runtime's own fetch. */
  builtIn(): DispatcherLike {
    return this.#at(BUILT_IN);
  }

  #at(slot: symbol): DispatcherLike {
    const found = (globalThis as unknown as Slots)[slot];
    if (found !== undefined && !(found instanceof MeshDispatcher)) this.#last.set(slot, found);
    const last = this.#last.get(slot);
    if (last === undefined) throw new TypeError('the runtime has no global dispatcher');
    return last;
  }
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
