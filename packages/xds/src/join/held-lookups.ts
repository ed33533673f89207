import type { ClusterSpecifier, RouteLookupConfig, RouteLookupHandle, RouteLookups } from '@inmesh/core';

/** The lookups that one authority's routes hold. */
export class HeldLookups {
  readonly #lookups: RouteLookups;
  readonly #told: () => void;
  readonly #handles = new Map<RouteLookupConfig, RouteLookupHandle>();

  constructor(lookups: RouteLookups, told: () => void) {
    this.#lookups = lookups;
    this.#told = told;
  }

  specifier(config: RouteLookupConfig): ClusterSpecifier {
    let handle = this.#handles.get(config);
    if (handle === undefined) {
      handle = this.#lookups.acquire(config, () => this.#told());
      this.#handles.set(config, handle);
    }
    return handle.specifier;
  }

  /** Lets go of all others: after the new ones are held, so that what both have is not forgotten between. */
  keep(wanted: ReadonlySet<RouteLookupConfig>): void {
    for (const [config, handle] of this.#handles) {
      if (wanted.has(config)) continue;
      this.#handles.delete(config);
      handle.release();
    }
  }

  close(): void {
    this.keep(new Set());
  }
}
