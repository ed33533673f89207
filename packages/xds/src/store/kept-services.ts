import type { StoredService } from './format.ts';

export interface KeptServicesLimits {
  readonly services: number;
  /** Milliseconds after which one that was not told of again is forgotten. */
  readonly ageMs: number;
  /** Milliseconds by which the time at a service may grow old before it is worth a write. */
  readonly grainMs: number;
}

/** Targets with their authorities, the one told of last at the end; within limits. */
export class KeptServices {
  readonly #limits: KeptServicesLimits;
  readonly #services = new Map<string, StoredService>();
  readonly #targets = new Map<string, number>();

  constructor(limits: KeptServicesLimits) {
    this.#limits = limits;
  }

  list(): readonly StoredService[] {
    return [...this.#services.values()];
  }

  has(target: string, authority: string): boolean {
    return this.#services.has(keyOf(target, authority));
  }

  /** With any authority. */
  hasTarget(target: string): boolean {
    return this.#targets.has(target);
  }

  /** What is read from the file. */
  restore(service: StoredService, now: number): void {
    if (service.usedAt >= now - this.#limits.ageMs) this.#add(service);
  }

  /** False where that is no news. */
  add(target: string, authority: string, now: number): boolean {
    const known = this.#services.get(keyOf(target, authority));
    const fresh = known !== undefined && now - known.usedAt < this.#limits.grainMs;
    this.#add(fresh ? known : { target, authority, usedAt: now });
    return !fresh;
  }

  /** False where it was not there. */
  delete(target: string, authority: string): boolean {
    if (!this.#services.delete(keyOf(target, authority))) return false;
    const left = (this.#targets.get(target) ?? 1) - 1;
    if (left === 0) this.#targets.delete(target);
    else this.#targets.set(target, left);
    return true;
  }

  #add(service: StoredService): void {
    const { target, authority } = service;
    this.delete(target, authority);
    this.#services.set(keyOf(target, authority), service);
    this.#targets.set(target, (this.#targets.get(target) ?? 0) + 1);
    for (const oldest of this.#services.values()) {
      if (this.#services.size <= this.#limits.services) break;
      this.delete(oldest.target, oldest.authority);
    }
  }
}

function keyOf(target: string, authority: string): string {
  return `${target} ${authority}`;
}
