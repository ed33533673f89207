import { createHash } from 'node:crypto';
import { type Clock, type Kind, outsideContext, type Timer } from '@inmesh/core';
import type { KeptResource, ResourceMemory } from '../ads/resource-memory.ts';
import type { NodeIdentity } from '../bootstrap/index.ts';
import type { ServiceMemory } from '../join/service-memory.ts';
import { kinds } from '../kinds.ts';
import { decodeFeed, encodeFeed, type StoredResource, type StoredService } from './format.ts';
import { holdsSecrets } from './secrets.ts';
import type { StateFiles } from './state-files.ts';

export interface FeedStoreOptions {
  readonly files: StateFiles;
  readonly node: NodeIdentity;
  readonly serverUri: string;
  readonly clock: Clock;
  /** Hears, with the name of the file, why it is ignored or cannot be written. */
  readonly onWarning: (warning: Error) => void;
  /** Resources kept at most; those that changed longest ago make room. Default 10,000. */
  readonly maxResources?: number;
  /** Bytes of resources kept at most, and a quarter of it for a single one. Default 4 MiB: some hundred services with their endpoints, and written in a few milliseconds. */
  readonly maxBytes?: number;
  /** Services kept at most; those used longest ago make room. Default 1,000: each is asked for at start. */
  readonly maxServices?: number;
}

/** Milliseconds from a change to its being written, so that what a response brings is written together. */
const settleMs = 1_000;

/** Milliseconds of work after which the event loop is let run, as for responses. */
const sliceMs = 5;

/** Milliseconds between two writes: endpoints that change all day are no reason to write all day. `close` writes in any case. */
const betweenWritesMs = 30_000;

/** A service that was not used for so long (30 days) is not asked for at start any more. */
const maxServiceAgeMs = 30 * 86_400_000;

/** How old the time at a service may grow before it is worth a write (a day). */
const usedAtGrainMs = 86_400_000;

interface Entry extends KeptResource {
  readonly kind: Kind;
  readonly name: string;
  /** Null until somebody looked, which is when it is to be written. */
  harmless: boolean | null;
}

/**
 * The services that were called and their last good resources, in a file: what an application that starts while its control
 * plane is away can go on with. Each node and control plane has a file of its own. Resources that hold secrets stay out of it.
 */
export class FeedStore implements ResourceMemory, ServiceMemory {
  readonly #options: FeedStoreOptions;
  readonly #key: string;
  readonly #file: string;
  readonly #maxBytes: number;
  readonly #resources = new Map<string, Entry>();
  readonly #services = new Map<string, StoredService>();
  #bytes = 0;
  #dirty = false;
  #timer: Timer | null = null;
  #writing = false;
  #lastWrite = Number.NEGATIVE_INFINITY;
  #complained = false;
  #closed = false;

  /** Reads the file; one that cannot be used is reported and counts as empty. */
  constructor(options: FeedStoreOptions) {
    this.#options = options;
    this.#maxBytes = options.maxBytes ?? 4 * 1024 * 1024;
    const { id, cluster, locality, metadata } = options.node;
    // Hashed, because a node's metadata is nobody else's business.
    this.#key = createHash('sha256')
      .update(JSON.stringify([options.serverUri, id, cluster, locality, metadata]))
      .digest('hex');
    this.#file = `${this.#key.slice(0, 32)}.feed`;
    this.#load();
  }

  /** Most lately used last. */
  services(): readonly StoredService[] {
    return [...this.#services.values()];
  }

  recall(kind: Kind, name: string): KeptResource | null {
    return this.#resources.get(keyOf(kind, name)) ?? null;
  }

  keep(kind: Kind, name: string, { version, bytes }: KeptResource): void {
    const key = keyOf(kind, name);
    const known = this.#resources.get(key);
    const same = known !== undefined && Buffer.compare(known.bytes, bytes) === 0;
    if (same && known.version === version) return;
    this.#drop(key);
    if (bytes.length > this.#maxBytes / 4) return;
    this.#resources.set(key, { kind, name, version, bytes, harmless: same ? known.harmless : null });
    this.#bytes += bytes.length;
    this.#trim();
    this.#changed();
  }

  forget(kind: Kind, name: string): void {
    this.#drop(keyOf(kind, name));
  }

  used(target: string, authority: string): void {
    const key = `${target} ${authority}`;
    const usedAt = this.#options.clock.wallNow();
    const known = this.#services.get(key);
    const fresh = known !== undefined && usedAt - known.usedAt < usedAtGrainMs;
    this.#services.delete(key);
    this.#services.set(key, fresh ? known : { target, authority, usedAt });
    this.#trim();
    if (!fresh) this.#changed();
  }

  lost(target: string, authority: string): void {
    if (this.#services.delete(`${target} ${authority}`)) this.#changed();
  }

  /** Writes what is not written yet, before it returns, and nothing after that. */
  readonly close = (): void => {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.cancel();
    if (!this.#dirty && !this.#writing) return;
    const { files } = this.#options;
    this.#attempt(() => {
      const work = this.#encode();
      let made = work.next();
      while (made.done !== true) made = work.next();
      files.writeNow(this.#file, made.value);
    });
  };

  #load(): void {
    const { files, clock } = this.#options;
    try {
      // As base64, with names, versions and services around it.
      const bytes = files.read(this.#file, 2 * this.#maxBytes + 4 * 1024 * 1024);
      if (bytes === null) return;
      const { key, services, resources } = decodeFeed(bytes);
      if (key !== this.#key) throw new TypeError('it is of another node or control plane');
      const oldest = clock.wallNow() - maxServiceAgeMs;
      for (const service of services) {
        if (service.usedAt >= oldest) this.#services.set(`${service.target} ${service.authority}`, service);
      }
      for (const resource of resources) {
        this.#resources.set(keyOf(resource.kind, resource.name), { ...resource, harmless: true });
        this.#bytes += resource.bytes.length;
      }
      this.#trim();
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      this.#warn(`the remembered feed in ${files.pathOf(this.#file)} is ignored: ${reason}`, cause);
    }
  }

  #drop(key: string): void {
    const known = this.#resources.get(key);
    if (known === undefined) return;
    this.#resources.delete(key);
    this.#bytes -= known.bytes.length;
    this.#changed();
  }

  #trim(): void {
    const { maxResources = 10_000, maxServices = 1_000 } = this.#options;
    for (const key of this.#resources.keys()) {
      if (this.#resources.size <= maxResources && this.#bytes <= this.#maxBytes) break;
      this.#drop(key);
    }
    for (const key of this.#services.keys()) {
      if (this.#services.size <= maxServices) break;
      this.#services.delete(key);
    }
  }

  #changed(): void {
    this.#dirty = true;
    if (this.#timer !== null || this.#writing || this.#closed) return;
    const { clock } = this.#options;
    const wait = Math.max(settleMs, this.#lastWrite + betweenWritesMs - clock.now());
    this.#timer = outsideContext(() => clock.setTimer(wait, () => this.#write(), { unref: true }));
  }

  /** Makes the file's content in slices between which the event loop is free, then writes. */
  #write(): void {
    const { clock } = this.#options;
    this.#timer = null;
    this.#writing = true;
    this.#dirty = false;
    this.#lastWrite = clock.now();
    const work = this.#encode();
    const slice = (): void => {
      const until = clock.now() + sliceMs;
      while (!this.#closed) {
        const made = work.next();
        if (made.done === true) {
          this.#store(made.value);
          return;
        }
        if (clock.now() < until) continue;
        clock.afterInput(slice);
        return;
      }
    };
    slice();
  }

  #store(bytes: Uint8Array): void {
    const { files } = this.#options;
    const done = () => {
      this.#writing = false;
      if (this.#dirty) this.#changed();
    };
    files
      .write(this.#file, bytes, () => !this.#closed)
      .then(
        () => {
          this.#complained = false;
          done();
        },
        (cause) => {
          this.#cannotWrite(cause);
          done();
        },
      );
  }

  /** Of what there is when it begins; what comes meanwhile is written the next time. */
  *#encode(): Generator<undefined, Uint8Array, undefined> {
    const services = this.services();
    const resources: StoredResource[] = [];
    for (const entry of [...this.#resources.values()]) {
      const { kind, name, version, bytes } = entry;
      if (entry.harmless === null) {
        entry.harmless = !holdsSecrets(kinds[kind].typeName, bytes);
        yield;
      }
      if (entry.harmless) resources.push({ kind, name, version, bytes });
    }
    return yield* encodeFeed({ key: this.#key, services, resources });
  }

  #attempt(write: () => void): void {
    try {
      write();
    } catch (cause) {
      this.#cannotWrite(cause);
    }
  }

  #cannotWrite(cause: unknown): void {
    if (this.#complained) return;
    this.#complained = true;
    const reason = cause instanceof Error ? cause.message : String(cause);
    this.#warn(`the feed cannot be remembered in ${this.#options.files.pathOf(this.#file)}: ${reason}`, cause);
  }

  #warn(message: string, cause: unknown): void {
    this.#options.onWarning(new Error(message, { cause }));
  }
}

function keyOf(kind: Kind, name: string): string {
  return `${kind} ${name}`;
}
