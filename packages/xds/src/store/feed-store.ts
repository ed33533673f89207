import { createHash } from 'node:crypto';
import type { Clock, Kind } from '@inmesh/core';
import type { KeptResource, ResourceMemory } from '../ads/resource-memory.ts';
import type { NodeIdentity } from '../bootstrap/index.ts';
import type { KnownListener, ListenerMemory } from '../flavour/listener-memory.ts';
import type { ServiceMemory } from '../join/service-memory.ts';
import { decodeFeed, encodeFeed, type StoredService } from './format.ts';
import { KeptResources } from './kept-resources.ts';
import { KeptServices } from './kept-services.ts';
import type { StateFiles } from './state-files.ts';
import { StoreWriter } from './store-writer.ts';

export interface FeedStoreOptions {
  readonly files: StateFiles;
  readonly node: NodeIdentity;
  /** The control planes that the feed comes from, the best first. */
  readonly serverUris: readonly string[];
  readonly clock: Clock;
  /** Hears, with the name of the file, why it is ignored or cannot be written. */
  readonly onWarning: (warning: Error) => void;
  /** Resources kept at most; those that changed longest ago make room. Default 10,000. */
  readonly maxResources?: number;
  /**
   * Bytes of resources kept at most, and a quarter of it for a single one. Default 16 MiB: a thousand services with their endpoints,
   * and the routes that a sidecar's feed has for all hosts of a port.
   */
  readonly maxBytes?: number;
  /** Services kept at most; those used longest ago make room. As many that are not the mesh's. Default 1,000: each is asked for at start. */
  readonly maxServices?: number;
  /** Listeners of which a feed of whole types is remembered; of a larger one no index is, because a part of it would lie. Default 20,000. */
  readonly maxListeners?: number;
}

const day = 86_400_000;

/** A service that was not used for so long is not asked for at start any more. */
const maxServiceAgeMs = 30 * day;

/** So long a host that was none of the mesh's is taken for such at first: soon enough it is asked for again. */
const maxOutsideAgeMs = day;

/**
 * The services that were called and their last good resources, in a file: what an application that starts while its control
 * plane is away can go on with. Each node has a file of its own for each control plane. Resources that hold secrets stay out of it.
 */
export class FeedStore implements ResourceMemory, ServiceMemory, ListenerMemory {
  readonly #options: FeedStoreOptions;
  readonly #key: string;
  readonly #file: string;
  readonly #maxBytes: number;
  readonly #maxListeners: number;
  readonly #resources: KeptResources;
  readonly #services: KeptServices;
  readonly #outside: KeptServices;
  #listeners: (() => Iterable<KnownListener>) | null = null;
  readonly #writer: StoreWriter;

  /** Reads the file; one that cannot be used is reported and counts as empty. */
  constructor(options: FeedStoreOptions) {
    const { files, node, serverUris, clock } = options;
    const services = options.maxServices ?? 1_000;
    this.#options = options;
    this.#maxBytes = options.maxBytes ?? 16 * 1024 * 1024;
    this.#maxListeners = options.maxListeners ?? 20_000;
    this.#resources = new KeptResources({ resources: options.maxResources ?? 10_000, bytes: this.#maxBytes });
    this.#services = new KeptServices({ services, ageMs: maxServiceAgeMs, grainMs: day });
    this.#outside = new KeptServices({ services, ageMs: maxOutsideAgeMs, grainMs: day / 8 });
    const { id, cluster, locality, metadata } = node;
    // Hashed, because a node's metadata is nobody else's business.
    this.#key = createHash('sha256')
      .update(JSON.stringify([serverUris, id, cluster, locality, metadata]))
      .digest('hex');
    this.#file = `${this.#key.slice(0, 32)}.feed`;
    this.#writer = new StoreWriter({
      files,
      file: this.#file,
      clock,
      encode: () => this.#encode(),
      onFailure: (cause) => this.#warn(`the feed cannot be remembered in ${files.pathOf(this.#file)}`, cause),
    });
    this.#load();
  }

  /** Most lately used last. */
  services(): readonly StoredService[] {
    return this.#services.list();
  }

  wasUsed(target: string): boolean {
    return this.#services.hasTarget(target);
  }

  recall(kind: Kind, name: string): KeptResource | null {
    return this.#resources.get(kind, name);
  }

  keep(kind: Kind, name: string, resource: KeptResource): void {
    if (this.#resources.set(kind, name, resource)) this.#writer.changed();
  }

  forget(kind: Kind, name: string): void {
    if (this.#resources.delete(kind, name)) this.#writer.changed();
  }

  used(target: string, authority: string): void {
    const inside = this.#outside.delete(target, authority);
    if (this.#services.add(target, authority, this.#options.clock.wallNow()) || inside) this.#writer.changed();
  }

  lost(target: string, authority: string): void {
    if (this.#services.delete(target, authority)) this.#writer.changed();
  }

  outside(target: string, authority: string): void {
    const was = this.#services.delete(target, authority);
    if (this.#outside.add(target, authority, this.#options.clock.wallNow()) || was) this.#writer.changed();
  }

  wasOutside(target: string, authority: string): boolean {
    return this.#outside.has(target, authority);
  }

  listeners(): Iterable<KnownListener> | null {
    return this.#listeners?.() ?? null;
  }

  follow(read: () => Iterable<KnownListener>): void {
    this.#listeners = read;
    this.#writer.changed();
  }

  /** Writes what is not written yet, before it returns, and nothing after that. */
  readonly close = (): void => {
    this.#writer.close();
  };

  #load(): void {
    const { files, clock } = this.#options;
    try {
      // As base64, with names, versions, services and the index around it.
      const bytes = files.read(this.#file, 2 * this.#maxBytes + 16 * 1024 * 1024);
      if (bytes === null) return;
      const { key, services, outside, listeners, resources } = decodeFeed(bytes);
      if (key !== this.#key) throw new TypeError('it is of another node or control plane');
      const now = clock.wallNow();
      for (const service of services) this.#services.restore(service, now);
      for (const service of outside) this.#outside.restore(service, now);
      for (const resource of resources) this.#resources.restore(resource);
      if (listeners !== null) this.#listeners = () => listeners;
    } catch (cause) {
      this.#warn(`the remembered feed in ${files.pathOf(this.#file)} is ignored`, cause);
    }
  }

  /** Of what there is when it begins; what comes meanwhile is written the next time. */
  *#encode(): Generator<undefined, Uint8Array, undefined> {
    const services = this.services();
    const outside = this.#outside.list();
    const all = this.#listeners === null ? null : [...this.#listeners()];
    const listeners = all !== null && all.length <= this.#maxListeners ? all : null;
    const resources = yield* this.#resources.harmless();
    return yield* encodeFeed({ key: this.#key, services, outside, listeners, resources });
  }

  #warn(what: string, cause: unknown): void {
    const reason = cause instanceof Error ? cause.message : String(cause);
    this.#options.onWarning(new Error(`${what}: ${reason}`, { cause }));
  }
}
