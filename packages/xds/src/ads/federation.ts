import {
  type Clock,
  type ConfigSource,
  type Kind,
  MeshError,
  type Model,
  type Timer,
  type Unwatch,
  type Watcher,
} from '@inmesh/core';
import { authorityOf, canonicalName } from './resource-name.ts';

/** A source for as long as it is used. */
export interface LeasedSource<S extends ConfigSource> {
  readonly client: S;
  release(): void;
}

export interface FederationOptions<S extends ConfigSource> {
  /** For names of the old kind, which have no authority. */
  readonly own: S;
  /** The source of an authority; null for one that is not known. May throw where its servers cannot be used. */
  readonly open: (authority: string) => LeasedSource<S> | null;
  readonly nodeId: string;
  readonly clock: Clock;
  /**
   * Milliseconds for which an authority of which nothing is watched is kept. Default 300,000: what is called every few
   * minutes should not dial a control plane each time.
   */
  readonly idleMs?: number | undefined;
}

interface OpenAuthority<S extends ConfigSource> {
  readonly source: LeasedSource<S>;
  watches: number;
  idle: Timer | null;
}

/**
 * Configuration from as many authorities as its names tell of (gRFC A47): `xdstp://authority/type/id` is asked of the servers
 * of that authority, any other name of the own ones. An authority is opened by the first watch and closed some time after the last.
 */
export class Federation<S extends ConfigSource> implements ConfigSource {
  readonly #options: FederationOptions<S>;
  readonly #idleMs: number;
  readonly #authorities = new Map<string, OpenAuthority<S>>();

  constructor(options: FederationOptions<S>) {
    this.#options = options;
    this.#idleMs = options.idleMs ?? 300_000;
  }

  /** Sources of the authorities in use. */
  get sources(): readonly S[] {
    return Array.from(this.#authorities.values(), ({ source }) => source.client);
  }

  /** The source that a name is asked of; null where its authority is not in use. */
  sourceOf(name: string): S | null {
    const authority = authorityOf(name);
    if (authority === undefined) return null;
    if (authority === null) return this.#options.own;
    return this.#authorities.get(authority)?.source.client ?? null;
  }

  watch<K extends Kind>(kind: K, name: string, watcher: Watcher<Model[K]>): Unwatch {
    const authority = authorityOf(name);
    if (authority === undefined) return this.#refuse(kind, name, watcher, 'it is no xdstp://authority/type/id');
    if (authority === null) return this.#options.own.watch(kind, name, watcher);
    let open: OpenAuthority<S> | null;
    try {
      open = this.#opened(authority);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return this.#refuse(kind, name, watcher, `its authority "${authority}" cannot be asked: ${reason}`);
    }
    if (open === null) {
      return this.#refuse(kind, name, watcher, `its authority "${authority}" is not among those of the bootstrap`);
    }
    open.idle?.cancel();
    open.idle = null;
    open.watches++;
    const unwatch = open.source.client.watch(kind, canonicalName(name), watcher);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      unwatch();
      open.watches--;
      if (open.watches === 0 && this.#authorities.get(authority) === open) this.#idle(authority, open);
    };
  }

  /** Releases every authority at once. */
  close(): void {
    for (const { source, idle } of this.#authorities.values()) {
      idle?.cancel();
      source.release();
    }
    this.#authorities.clear();
  }

  #opened(authority: string): OpenAuthority<S> | null {
    const known = this.#authorities.get(authority);
    if (known !== undefined) return known;
    const source = this.#options.open(authority);
    if (source === null) return null;
    const opened: OpenAuthority<S> = { source, watches: 0, idle: null };
    this.#authorities.set(authority, opened);
    return opened;
  }

  #idle(authority: string, open: OpenAuthority<S>): void {
    open.idle = this.#options.clock.setTimer(
      this.#idleMs,
      () => {
        this.#authorities.delete(authority);
        open.source.release();
      },
      { unref: true },
    );
  }

  /** Not as a resource that does not exist: a name that cannot be asked for must not let a call past the mesh. */
  #refuse(kind: Kind, name: string, watcher: Watcher<never>, why: string): Unwatch {
    const place = { resource: `${kind} "${name}"`, nodeId: this.#options.nodeId };
    watcher.resourceError(new MeshError('invalid_config', why, place));
    return () => {};
  }
}
