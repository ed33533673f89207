import type { StreamStatus } from '@inmesh/core';
import type { AdsVariant } from './status.ts';

/** gRPC's UNKNOWN and UNIMPLEMENTED. */
const unknown = 2;
const unimplemented = 12;

/** The variant of the protocol that a server is spoken to in; the other one is taken where it has not got the one. */
export class VariantChoice {
  #current: AdsVariant;
  /** Streams in a row that ended because the server does not speak the variant. */
  #mismatches = 0;

  constructor(first: AdsVariant) {
    this.#current = first;
  }

  get current(): AdsVariant {
    return this.#current;
  }

  /** The server speaks it. */
  confirm(): void {
    this.#mismatches = 0;
  }

  /** True where the other variant is worth a try at once; each is tried in turn for as long as the server has neither. */
  changes({ code, message }: StreamStatus): boolean {
    // Consul's words for UNIMPLEMENTED are an error of no certain kind.
    if (code !== unimplemented && !(code === unknown && /not implemented/i.test(message))) return false;
    this.#current = this.#current === 'sotw' ? 'delta' : 'sotw';
    this.#mismatches++;
    return this.#mismatches === 1;
  }
}
