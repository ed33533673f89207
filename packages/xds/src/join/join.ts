import type {
  Clock,
  Clusters,
  ConfigSource,
  Directory,
  FilterCompiler,
  Random,
  RegexEngine,
  RouteLookups,
  Runtime,
} from '@inmesh/core';
import { IdleSweep, idleRounds } from './idle-sweep.ts';
import { JoinedAuthority } from './joined-authority.ts';
import { ListenerCompleter } from './listener-completer.ts';
import type { ListenerFinder } from './listener-finder.ts';
import type { ServiceMemory } from './service-memory.ts';
import { VirtualHosts } from './virtual-hosts.ts';

export interface JoinOptions {
  readonly source: ConfigSource;
  readonly clusters: Clusters;
  readonly random: Random;
  /** For the patterns of routes. */
  readonly regex: RegexEngine;
  readonly runtime: Runtime;
  readonly filters: FilterCompiler;
  readonly lookups: RouteLookups;
  readonly listeners: ListenerFinder;
  /** Authorities followed at most; one that was not asked for lately makes room. Default 10,000: a bound on memory where callers choose their `Host` freely. */
  readonly maxAuthorities?: number;
  /** Drops what was not called for `afterMs` milliseconds (0: never), unless `connected` says that it could not be had again. Default: nothing is dropped. */
  readonly idle?: { readonly clock: Clock; readonly afterMs: number; readonly connected: () => boolean };
  /** Default: nobody remembers. */
  readonly services?: ServiceMemory | null;
}

/**
 * Joins listeners, routes, clusters and endpoints, for one authority at a time and from its first use on: a route
 * configuration with a thousand services subscribes to the clusters of the virtual hosts that are called, and no others.
 */
export class Join implements Directory {
  readonly #options: JoinOptions;
  readonly #maxAuthorities: number;
  readonly #completer = new ListenerCompleter();
  readonly #entries = new Map<string, JoinedAuthority>();
  readonly #hosts = new VirtualHosts();
  readonly #sweep: IdleSweep | null;
  #closed = false;

  constructor(options: JoinOptions) {
    this.#options = options;
    this.#maxAuthorities = options.maxAuthorities ?? 10_000;
    const { idle } = options;
    this.#sweep =
      idle === undefined
        ? null
        : new IdleSweep({ clock: idle.clock, idleMs: idle.afterMs, round: () => this.#dropIdle(idle.connected()) });
  }

  lookup(target: string, authority: string): JoinedAuthority {
    const key = keyOf(target, authority);
    const known = this.#entries.get(key);
    if (known !== undefined) {
      known.used = true;
      known.called = true;
      return known;
    }
    return this.#follow(key, target, authority, true);
  }

  /** Follows an authority that was not called yet. It is dropped as any other if it is not called. */
  prefetch(target: string, authority: string): void {
    const key = keyOf(target, authority);
    if (!this.#entries.has(key)) this.#follow(key, target, authority, false).prefetched = true;
  }

  #follow(key: string, target: string, authority: string, called: boolean): JoinedAuthority {
    const entry = new JoinedAuthority(target, authority, this.#options, this.#hosts, this.#completer);
    entry.called = called;
    if (this.#closed) {
      entry.close('the mesh was closed');
      return entry;
    }
    if (this.#entries.size >= this.#maxAuthorities) this.#makeRoom();
    this.#entries.set(key, entry);
    if (called && this.#options.services?.wasOutside(target, authority) === true) entry.presumeOutside();
    entry.start();
    this.#sweep?.start();
    return entry;
  }

  /** The authorities in use, for `explain` and statistics. */
  get entries(): Iterable<JoinedAuthority> {
    return this.#entries.values();
  }

  /** Ends every subscription. */
  close(): void {
    this.#closed = true;
    this.#sweep?.stop();
    for (const entry of this.#entries.values()) entry.close('the mesh was closed');
    this.#entries.clear();
  }

  /** A round of the sweep. */
  #dropIdle(connected: boolean): void {
    for (const [key, entry] of [...this.#entries]) {
      const inUse = entry.called || entry.busy || entry.pinned;
      if (entry.called && entry.isService) this.#options.services?.used(entry.target, entry.authority);
      if (entry.called) entry.prefetched = false;
      entry.called = false;
      entry.idleRounds = inUse ? 0 : entry.idleRounds + 1;
      if (entry.idleRounds < idleRounds || !connected) continue;
      this.#entries.delete(key);
      entry.close('it was not called for a long time');
    }
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

function keyOf(target: string, authority: string): string {
  return sameAuthority(target, authority) ? target : `${target} ${authority}`;
}

/**
 * True where the `Host` is what the URL makes of it: with its port, without the default one. A caller that writes the
 * default port into its `Host` has another authority: domains see the port.
 */
function sameAuthority(target: string, authority: string): boolean {
  if (!target.endsWith(':80')) return target === authority;
  return target.length === authority.length + 3 && target.startsWith(authority);
}
