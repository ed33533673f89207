import type { Endpoint } from '../cluster/endpoint.ts';
import type { Random } from '../util/random.ts';
import type { Balancer } from './balancer.ts';
import { schedule } from './schedule.ts';

/**
 * Of a few hosts chosen by chance, the one with the fewest calls in flight.
 * (envoy.extensions.load_balancing_policies.least_request.v3)
 *
 * Where weights differ, Envoy turns to a schedule with weight / (active + 1)^bias. Here the sampled hosts are compared by
 * that same figure, and sampled in proportion to their weight.
 */
export class LeastRequest implements Balancer {
  readonly #turns: readonly Endpoint[];
  readonly #weighted: boolean;
  readonly #choices: number;
  readonly #bias: number;
  readonly #random: Random;

  constructor(endpoints: readonly Endpoint[], choiceCount: number, activeRequestBias: number, random: Random) {
    this.#turns = schedule(endpoints);
    this.#weighted = this.#turns !== endpoints;
    this.#choices = choiceCount;
    this.#bias = activeRequestBias;
    this.#random = random;
  }

  pick(): Endpoint {
    const turns = this.#turns;
    let best = turns[Math.floor(this.#random() * turns.length)] as Endpoint;
    for (let choice = 1; choice < this.#choices; choice++) {
      const other = turns[Math.floor(this.#random() * turns.length)] as Endpoint;
      if (this.#less(other, best)) best = other;
    }
    return best;
  }

  #less(a: Endpoint, b: Endpoint): boolean {
    if (!this.#weighted) return a.stats.rq_active < b.stats.rq_active;
    // A bias of 0 leaves the weights alone to decide.
    return (a.stats.rq_active + 1) ** this.#bias < (b.stats.rq_active + 1) ** this.#bias;
  }
}
