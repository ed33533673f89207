import type { Kind, Model } from '@inmesh/core';
import type { CacheHost } from './cache-host.ts';
import type { ResourceMemory } from './resource-memory.ts';
import type { ResourceState } from './resource-state.ts';
import type { ResourceType } from './resource-type.ts';

/** What of one type is remembered beyond the client and its watchers. */
export class LastGood<K extends Kind> {
  readonly #type: ResourceType<K>;
  readonly #memory: ResourceMemory | null;
  readonly #host: Pick<CacheHost, 'context'>;

  constructor(type: ResourceType<K>, host: Pick<CacheHost, 'memory' | 'context'>) {
    this.#type = type;
    this.#memory = type.sensitive ? null : host.memory;
    this.#host = host;
  }

  /** Puts the last good version in force, where nothing is known and the memory has one; true if so. */
  recall(state: ResourceState<Model[K]>): boolean {
    const kept = this.#memory !== null && state.unknown ? this.#memory.recall(this.#type.kind, state.name) : null;
    if (kept === null) return false;
    try {
      // Kept by this process, or by whoever wrote its file.
      state.value = this.#type.decode(kept.bytes, { ...this.#host.context, accepted: false }).value;
    } catch {
      // What a former version of inmesh took and this one refuses: the server will be told when it sends that.
      this.forget(state.name);
      return false;
    }
    state.bytes = kept.bytes;
    state.version = kept.version;
    state.remembered = true;
    return true;
  }

  /** Remembers what is in force and watched; not what is in force for a limited time. */
  keep({ name, bytes, version, seats, ttl }: ResourceState<Model[K]>): void {
    const memory = this.#memory;
    if (memory === null || bytes === null || seats.size === 0) return;
    if (ttl === null) memory.keep(this.#type.kind, name, { version, bytes });
    else memory.forget(this.#type.kind, name);
  }

  forget(name: string): void {
    this.#memory?.forget(this.#type.kind, name);
  }
}
