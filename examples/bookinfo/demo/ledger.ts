import type { CallRecord } from './calls.ts';

/** Calls in figures. */
export interface Figures {
  readonly calls: number;
  readonly ok: number;
  readonly broken: number;
  readonly failed: number;
  /** Milliseconds, of the calls that succeeded; null where none did. */
  readonly p50: number | null;
  readonly p99: number | null;
}

interface Entry {
  readonly call: CallRecord;
  /** When the demo heard of it. */
  readonly at: number;
}

/** Every call of the demo, from all of its processes. */
export class Ledger {
  readonly #entries: Entry[] = [];
  readonly #nameOf: ReadonlyMap<string, string>;

  /** `nameOf`: endpoints by address, for calls that never heard a name. */
  constructor(nameOf: ReadonlyMap<string, string>) {
    this.#nameOf = nameOf;
  }

  add(call: CallRecord): void {
    const name = call.endpoint === null ? undefined : this.#nameOf.get(call.endpoint);
    this.#entries.push({ call: name === undefined ? call : { ...call, endpoint: name }, at: performance.now() });
  }

  get calls(): CallRecord[] {
    return this.#entries.map(({ call }) => call);
  }

  tagged(tag: string): CallRecord[] {
    return this.calls.filter((call) => call.tag === tag);
  }

  /** The calls of the last so many milliseconds. */
  recent(ms: number): CallRecord[] {
    const since = performance.now() - ms;
    // New ones are at the end, and few of all: no need to look at the rest.
    let first = this.#entries.length;
    while (first > 0 && (this.#entries[first - 1] as Entry).at >= since) first--;
    return this.#entries.slice(first).map(({ call }) => call);
  }
}

export function figures(calls: readonly CallRecord[]): Figures {
  const times = calls
    .filter(({ outcome }) => outcome === 'ok')
    .map(({ ms }) => ms)
    .sort((a, b) => a - b);
  return {
    calls: calls.length,
    ok: times.length,
    broken: count(calls, 'broken'),
    failed: count(calls, 'failed'),
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
  };
}

function count(calls: readonly CallRecord[], outcome: CallRecord['outcome']): number {
  return calls.filter((call) => call.outcome === outcome).length;
}

/** Nearest rank. */
function quantile(sorted: readonly number[], q: number): number | null {
  return sorted[Math.max(0, Math.ceil(sorted.length * q) - 1)] ?? null;
}
