import type { Kind } from '@inmesh/core';
import type { KeptResource } from '../ads/resource-memory.ts';
import { kinds } from '../kinds.ts';
import type { StoredResource } from './format.ts';
import { holdsSecretsInSteps } from './secrets-in-steps.ts';

interface Entry extends KeptResource {
  readonly kind: Kind;
  readonly name: string;
  /** Null until somebody looked, which is when it is to be written. */
  harmless: boolean | null;
}

export interface KeptResourcesLimits {
  readonly resources: number;
  /** Of all together; a single one may have a quarter of it. */
  readonly bytes: number;
}

/** The last good resources, those that changed longest ago first; within limits. */
export class KeptResources {
  readonly #limits: KeptResourcesLimits;
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  constructor(limits: KeptResourcesLimits) {
    this.#limits = limits;
  }

  get(kind: Kind, name: string): KeptResource | null {
    return this.#entries.get(keyOf(kind, name)) ?? null;
  }

  /** What is read from the file. */
  restore(resource: StoredResource): void {
    this.#entries.set(keyOf(resource.kind, resource.name), { ...resource, harmless: true });
    this.#bytes += resource.bytes.length;
    this.#trim();
  }

  /** False where that changes nothing. */
  set(kind: Kind, name: string, { version, bytes }: KeptResource): boolean {
    const key = keyOf(kind, name);
    const known = this.#entries.get(key);
    const same = known !== undefined && Buffer.compare(known.bytes, bytes) === 0;
    if (same && known.version === version) return false;
    this.#drop(key);
    if (kinds[kind].sensitive || bytes.length > this.#limits.bytes / 4) return known !== undefined;
    this.#entries.set(key, { kind, name, version, bytes, harmless: same ? known.harmless : null });
    this.#bytes += bytes.length;
    this.#trim();
    return true;
  }

  /** False where it was not there. */
  delete(kind: Kind, name: string): boolean {
    return this.#drop(keyOf(kind, name));
  }

  /** Those without secrets; a step at a time, because to look for secrets takes time. */
  *harmless(): Generator<undefined, StoredResource[], undefined> {
    const found: StoredResource[] = [];
    for (const entry of [...this.#entries.values()]) {
      const { kind, name, version, bytes } = entry;
      if (entry.harmless === null) {
        entry.harmless = !(yield* holdsSecretsInSteps(kinds[kind].typeName, bytes));
        yield;
      }
      if (entry.harmless) found.push({ kind, name, version, bytes });
    }
    return found;
  }

  #trim(): void {
    for (const key of this.#entries.keys()) {
      if (this.#entries.size <= this.#limits.resources && this.#bytes <= this.#limits.bytes) break;
      this.#drop(key);
    }
  }

  #drop(key: string): boolean {
    const known = this.#entries.get(key);
    if (known === undefined) return false;
    this.#entries.delete(key);
    this.#bytes -= known.bytes.length;
    return true;
  }
}

function keyOf(kind: Kind, name: string): string {
  return `${kind} ${name}`;
}
