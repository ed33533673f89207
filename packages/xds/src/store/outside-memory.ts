import type { Clock } from '@inmesh/core';
import type { ServiceMemory } from '../join/service-memory.ts';
import { KeptServices } from './kept-services.ts';

/** What an application without a state directory remembers of services: while it runs, which hosts are none of the mesh's. */
export class OutsideMemory implements ServiceMemory {
  readonly #clock: Clock;
  /** As many and as long as in a store. */
  readonly #outside = new KeptServices({ services: 1_000, ageMs: Number.POSITIVE_INFINITY, grainMs: 0 });

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  used(target: string, authority: string): void {
    this.lost(target, authority);
  }

  lost(target: string, authority: string): void {
    this.#outside.delete(target, authority);
  }

  outside(target: string, authority: string): void {
    this.#outside.add(target, authority, this.#clock.wallNow());
  }

  wasOutside(target: string, authority: string): boolean {
    return this.#outside.has(target, authority);
  }
}
