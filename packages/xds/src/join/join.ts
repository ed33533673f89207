import type { Clusters, ConfigSource, Directory, Random } from '@inmesh/core';
import { JoinedAuthority } from './joined-authority.ts';
import type { ListenerFinder } from './listener-finder.ts';

export interface JoinOptions {
  readonly source: ConfigSource;
  readonly clusters: Clusters;
  readonly random: Random;
  readonly listeners: ListenerFinder;
  /** Authorities followed at most; one that was not asked for lately makes room. Default 10,000: a bound on memory where callers choose their `Host` freely. */
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
  #closed = false;

  constructor(options: JoinOptions) {
    this.#options = options;
    this.#maxAuthorities = options.maxAuthorities ?? 10_000;
  }

  lookup(target: string, authority: string): JoinedAuthority {
    const key = sameAuthority(target, authority) ? target : `${target} ${authority}`;
    const known = this.#entries.get(key);
    if (known !== undefined) {
      known.used = true;
      return known;
    }
    const entry = new JoinedAuthority(target, authority, this.#options);
    if (this.#closed) {
      entry.close('the mesh was closed');
      return entry;
    }
    if (this.#entries.size >= this.#maxAuthorities) this.#makeRoom();
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
    this.#closed = true;
    for (const entry of this.#entries.values()) entry.close('the mesh was closed');
    this.#entries.clear();
  }

  /** Drops the oldest that was not asked for since it was last passed over, nor has calls waiting: one mark instead of an order that each call would have to keep. */
  #makeRoom(): void {
    let left = this.#entries.size;
    for (const [key, entry] of this.#entries) {
      this.#entries.delete(key);
      if ((!entry.used && !entry.awaited) || left-- === 0) {
        entry.close('too many other authorities are in use');
        return;
      }
      entry.used = false;
      this.#entries.set(key, entry);
    }
  }
}

/**
 * True where the `Host` is what the URL makes of it: with its port, without the default one. A caller that writes the
 * default port into its `Host` has another authority: domains see the port.
 */
function sameAuthority(target: string, authority: string): boolean {
  if (!target.endsWith(':80')) return target === authority;
  return target.length === authority.length + 3 && target.startsWith(authority);
}
