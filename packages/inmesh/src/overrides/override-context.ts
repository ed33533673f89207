import { AsyncLocalStorage } from 'node:async_hooks';
import type { CallOverrides } from '@inmesh/core';
import type { OverrideSet } from './override-set.ts';
import { readOverrides } from './read-overrides.ts';

/** The overrides in force where a call is made. Costs nothing while nobody has set any: the storage is made by the first who does. */
export class OverrideContext {
  #storage: AsyncLocalStorage<OverrideSet | null> | null = null;

  /** Runs `fn` under overrides, over those in force here; null takes them all back. */
  run<T>(set: OverrideSet | null, fn: () => T): T {
    this.#storage ??= new AsyncLocalStorage();
    const outer = this.current();
    return this.#storage.run(set === null || outer === null ? set : set.over(outer), fn);
  }

  current(): OverrideSet | null {
    return this.#storage?.getStore() ?? null;
  }

  /** What holds for one call: the options that came with it, over what is in force here. */
  of(options: unknown, service: string): CallOverrides | null {
    const current = this.current();
    if (options === undefined) return current === null ? null : current.of(service);
    const own = readOverrides(options);
    return (current === null ? own : own.over(current)).of(service);
  }
}
