import type { RouteLookupConfig } from '../model/route-lookup.ts';
import type { ClusterSpecifier } from '../router/cluster-specifier.ts';
import { RouteLookup, type RouteLookupParts } from './route-lookup.ts';

/** One user's hold on a lookup. */
export interface RouteLookupHandle {
  readonly specifier: ClusterSpecifier;
  release(): void;
}

export type RouteLookupsParts = Pick<RouteLookupParts, 'open' | 'clock' | 'random'>;

interface Live {
  readonly lookup: RouteLookup;
  readonly listeners: Set<() => void>;
}

/** The lookups in use: routes with equal settings share one, with all that it remembers, whatever route tables come and go. */
export class RouteLookups {
  readonly #parts: RouteLookupsParts;
  readonly #live = new Map<string, Live>();

  constructor(parts: RouteLookupsParts) {
    this.#parts = parts;
  }

  /** `changed` is called when calls that wait should look again. */
  acquire(config: RouteLookupConfig, changed: () => void): RouteLookupHandle {
    const key = JSON.stringify(config);
    const live = this.#live.get(key) ?? this.#open(key, config);
    // Of its own, because one user may hold it more than once.
    const listener = () => changed();
    live.listeners.add(listener);
    return {
      specifier: live.lookup,
      release: () => {
        if (!live.listeners.delete(listener) || live.listeners.size > 0) return;
        this.#live.delete(key);
        live.lookup.close();
      },
    };
  }

  #open(key: string, config: RouteLookupConfig): Live {
    const listeners = new Set<() => void>();
    const changed = () => {
      for (const listener of [...listeners]) listener();
    };
    const live = { lookup: new RouteLookup({ ...this.#parts, config, changed }), listeners };
    this.#live.set(key, live);
    return live;
  }
}
