import type { Kind } from '@inmesh/core';
import { canonicalName } from './resource-name.ts';
import type { Update } from './stream.ts';
import type { TypeCache } from './type-cache.ts';

/** The cache of some type. */
export type AnyTypeCache = { [K in Kind]: TypeCache<K> }[Kind];

/** Applies a response bit by bit, so that whoever drives it can leave the event loop free in between. */
export class UpdateCursor {
  /** What was refused, for the NACK. */
  readonly refusals: string[] = [];
  readonly #cache: AnyTypeCache;
  readonly #update: Update;
  readonly #work: Generator<undefined, void, undefined>;

  constructor(cache: AnyTypeCache, update: Update) {
    this.#cache = cache;
    this.#update = update;
    this.#work = this.#apply();
  }

  /** Does one more bit, a resource or a part of a large one; false when all of it is done. */
  step(): boolean {
    try {
      return this.#work.next().done !== true;
    } catch (error) {
      // No fault of ours may stop the stream: the server hears of it, and what was taken so far is in force.
      this.refusals.push(
        `the response could not be applied: ${error instanceof Error ? error.message : String(error)}`,
      );
      return false;
    }
  }

  *#apply(): Generator<undefined, void, undefined> {
    const { complete, removed, problems, verdicts, resources } = this.#update;
    const { intake, type } = this.#cache;
    const present = new Set<string>();
    let unnamed = false;
    let heartbeats = 0;
    let others = 0;
    for (const resource of resources) {
      const { name, refusal } = yield* intake.apply(resource, complete);
      if (refusal !== null) this.refusals.push(refusal);
      if (name === null) unnamed = true;
      else if (present.has(name)) this.refusals.push(`${type.kind} "${name}": it is there twice`);
      else present.add(name);
      if (resource.bytes === null && resource.problem === null) heartbeats++;
      else others++;
      yield;
    }
    yield* intake.remove(removed);
    for (const problem of problems) {
      intake.hearProblem(problem);
      present.add(canonicalName(problem.name));
      yield;
    }
    for (const verdict of verdicts ?? []) {
      intake.hearVerdict(verdict);
      yield;
    }
    // A resource whose name cannot be read may be any of those that seem to be missing; heartbeats alone tell of no others.
    if (complete && !unnamed && (others > 0 || heartbeats === 0)) yield* intake.removeOthers(present);
    intake.endResponse();
  }
}
