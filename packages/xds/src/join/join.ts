import type { Clusters, ConfigSource, Directory, Random } from '@inmesh/core';
import { JoinedAuthority } from './joined-authority.ts';
import type { ListenerFinder } from './listener-finder.ts';

export interface JoinOptions {
  readonly source: ConfigSource;
  readonly clusters: Clusters;
  readonly random: Random;
  readonly listeners: ListenerFinder;
  /** Authorities followed at most; the one that was asked for longest ago makes room. Default 10,000: a bound on memory where callers choose their `Host` freely. */
  readonly maxAuthorities?: number;
}

/**
 * Joins listeners, routes, clusters and endpoints, for one authority at a time and from its first use on: a route
 * configuration with a thousand services subscribes to the clusters of the virtual hosts that are called, and no others.
 */
export class Join implements Directory {
  readonly #options: JoinOptions;
  readonly #maxAuthorities: number;
  readonly #entries = new Map<string, JoinedAuthority>();

  constructor(options: JoinOptions) {
    this.#options = options;
    this.#maxAuthorities = options.maxAuthorities ?? 10_000;
  }

  lookup(target: string, authority: string): JoinedAuthority {
    const key = sameAuthority(target, authority) ? target : `${target} ${authority}`;
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    if (this.#entries.size >= this.#maxAuthorities) this.#dropOldest();
    const entry = new JoinedAuthority(target, authority, this.#options);
    this.#entries.set(key, entry);
    entry.start();
    return entry;
  }

  /** The authorities in use, for `explain` and statistics. */
  get entries(): Iterable<JoinedAuthority> {
    return this.#entries.values();
  }

  /** Ends every subscription. */
  close(): void {
    for (const entry of this.#entries.values()) entry.close();
    this.#entries.clear();
  }

  #dropOldest(): void {
    for (const [key, entry] of this.#entries) {
      entry.close();
      this.#entries.delete(key);
      return;
    }
  }
}

/** True where the `Host` says what the URL says: with the port, or without where it is the default one. */
function sameAuthority(target: string, authority: string): boolean {
  return (
    target === authority ||
    (target.length === authority.length + 3 && target.endsWith(':80') && target.startsWith(authority))
  );
}
