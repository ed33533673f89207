import type { MeshError } from '../errors.ts';

/** What a lookup said; the best target first, at least one. */
export interface LookupAnswer {
  readonly targets: readonly string[];
  /** For the upstream, in `x-google-rls-data`; empty for none. */
  readonly headerData: string;
}

/** What is known by one key. Times are the clock's milliseconds. */
export interface LookupEntry {
  /** The last one; null where there was none. */
  readonly answer: LookupAnswer | null;
  readonly expiresAt: number;
  readonly staleAt: number;
  /** Why the last lookup failed; null where it did not. */
  readonly error: MeshError | null;
  /** Lookups in a row that failed. */
  readonly failures: number;
  /** Not asked for again before. */
  readonly backoffUntil: number;
  /** Not given up before, however little room there is: the calls that waited for it must still find it. */
  readonly keepUntil: number;
}

/** What lookups said, bounded in bytes: what was not used for longest goes. */
export class LookupCache {
  readonly #maxBytes: number;
  /** Least recently used first. */
  readonly #entries = new Map<string, LookupEntry>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Counts as a use. */
  get(id: string): LookupEntry | null {
    const entry = this.#entries.get(id);
    if (entry === undefined) return null;
    this.#entries.delete(id);
    this.#entries.set(id, entry);
    return entry;
  }

  set(id: string, entry: LookupEntry, now: number): void {
    const before = this.#entries.get(id);
    if (before !== undefined) this.#bytes -= bytesOf(id, before);
    this.#entries.delete(id);
    this.#entries.set(id, entry);
    this.#bytes += bytesOf(id, entry);
    for (const [oldest, { keepUntil }] of this.#entries) {
      if (this.#bytes <= this.#maxBytes || keepUntil > now) break;
      this.#bytes -= bytesOf(oldest, this.#entries.get(oldest) as LookupEntry);
      this.#entries.delete(oldest);
    }
  }

  /** Lets every key whose lookup failed be asked for again at once. */
  resetBackoff(): void {
    for (const [id, entry] of this.#entries) {
      if (entry.failures > 0) this.#entries.set(id, { ...entry, failures: 0, backoffUntil: Number.NEGATIVE_INFINITY });
    }
  }
}

/** Rough, as the bound is: what the entry itself takes is left out. */
function bytesOf(id: string, { answer }: LookupEntry): number {
  if (answer === null) return Buffer.byteLength(id);
  const targets = answer.targets.reduce((sum, target) => sum + Buffer.byteLength(target), 0);
  return Buffer.byteLength(id) + targets + Buffer.byteLength(answer.headerData);
}
