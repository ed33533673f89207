import type { Endpoint } from '../cluster/endpoint.ts';
import type { Random } from '../util/random.ts';
import type { Balancer } from './balancer.ts';
import { schedule } from './schedule.ts';

/** In turn, each as often as its weight says. (envoy.extensions.load_balancing_policies.round_robin.v3) */
export class RoundRobin implements Balancer {
  readonly #turns: readonly Endpoint[];
  #next: number;

  /** Starts at a random place, so that many clients do not all begin with the same host. */
  constructor(endpoints: readonly Endpoint[], random: Random) {
    this.#turns = schedule(endpoints);
    this.#next = Math.floor(random() * this.#turns.length);
  }

  pick(): Endpoint {
    const endpoint = this.#turns[this.#next] as Endpoint;
    this.#next = this.#next + 1 === this.#turns.length ? 0 : this.#next + 1;
    return endpoint;
  }
}
