const SLOT = Symbol.for('undici.globalDispatcher.1');

type Slots = { [slot: symbol]: unknown };

// The runtime's own undici, loaded first, keeps its place as the process-wide dispatcher: npm's copy takes the place
// only where it finds none.
void globalThis.Response;

const installed = (globalThis as unknown as Slots)[SLOT];

/** npm's copy also takes the slot of older versions, that of the fetch built into Node 22. Importing the mesh must change nothing. */
export function restoreDispatcher(): void {
  const slots = globalThis as unknown as Slots;
  if (installed !== undefined && slots[SLOT] !== installed) slots[SLOT] = installed;
}
