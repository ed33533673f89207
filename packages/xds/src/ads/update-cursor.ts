import type { Kind } from '@inmesh/core';
import type { Update, UpdatedResource } from './stream.ts';
import type { TypeCache } from './type-cache.ts';

/** The cache of some type. */
export type AnyTypeCache = { [K in Kind]: TypeCache<K> }[Kind];

/** Applies a response resource by resource, so that whoever drives it can leave the event loop free in between. */
export class UpdateCursor {
  /** What was refused, for the NACK. */
  readonly refusals: string[] = [];
  readonly #cache: AnyTypeCache;
  readonly #update: Update;
  readonly #resources: Iterator<UpdatedResource>;
  readonly #present = new Set<string>();
  #unnamed = false;

  constructor(cache: AnyTypeCache, update: Update) {
    this.#cache = cache;
    this.#update = update;
    this.#resources = update.resources[Symbol.iterator]();
  }

  /** Takes one more resource; false when all of it is done. */
  step(): boolean {
    const next = this.#resources.next();
    if (next.done) {
      this.#finish();
      return false;
    }
    const { name, refusal } = this.#cache.apply(next.value);
    if (refusal !== null) this.refusals.push(refusal);
    if (name === null) this.#unnamed = true;
    else if (this.#present.has(name)) this.refusals.push(`${this.#cache.type.kind} "${name}": it is there twice`);
    else this.#present.add(name);
    return true;
  }

  #finish(): void {
    for (const name of this.#update.removed) this.#cache.remove(name);
    // A resource whose name cannot be read may be any of those that seem to be missing.
    if (this.#update.complete && !this.#unnamed) this.#cache.removeOthers(this.#present);
  }
}
