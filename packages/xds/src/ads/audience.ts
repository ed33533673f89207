import type { Kind, MeshError, Model, Watcher } from '@inmesh/core';
import type { CacheHost } from './cache-host.ts';
import type { ResourceState, Seat } from './resource-state.ts';
import { titleOf } from './wording.ts';

/** How the watchers of single resources of a type are told; what one of them throws harms no other. */
export class Audience<K extends Kind> {
  readonly #kind: K;
  readonly #host: Pick<CacheHost, 'outage' | 'onError'>;

  constructor(kind: K, host: Pick<CacheHost, 'outage' | 'onError'>) {
    this.#kind = kind;
    this.#host = host;
  }

  tell(state: ResourceState<Model[K]>, say: (watcher: Watcher<Model[K]>) => void): void {
    for (const seat of [...state.seats]) this.#tellOne(state, seat, say);
  }

  /** Whether it hurts depends on whether an older version is in force. */
  tellBad(state: ResourceState<Model[K]>, error: MeshError): void {
    const inForce = state.bytes !== null;
    this.tell(state, (watcher) => (inForce ? watcher.ambientError(error) : watcher.resourceError(error)));
  }

  /** Tells a new watcher what is known already. */
  replay(state: ResourceState<Model[K]>, seat: Seat<Model[K]>): void {
    const { value } = state;
    const bad = state.refused?.error ?? state.trouble?.error ?? null;
    const { outage } = this.#host;
    if (value !== null) this.#tellOne(state, seat, (watcher) => watcher.changed(value));
    if (bad !== null) {
      this.#tellOne(state, seat, (watcher) =>
        value === null ? watcher.resourceError(bad) : watcher.ambientError(bad),
      );
    }
    if (outage !== null) this.#tellOne(state, seat, (watcher) => watcher.ambientError(outage));
  }

  #tellOne(state: ResourceState<Model[K]>, seat: Seat<Model[K]>, say: (watcher: Watcher<Model[K]>) => void): void {
    if (!state.seats.has(seat)) return;
    try {
      say(seat.watcher);
    } catch (cause) {
      this.#host.onError(new Error(`a watcher of ${titleOf(this.#kind, state.name)} threw`, { cause }));
    }
  }
}
