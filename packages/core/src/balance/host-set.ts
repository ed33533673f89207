import type { Call } from '../call.ts';
import { type Endpoint, isHealthy } from '../cluster/endpoint.ts';
import type { LoadBalancerConfig } from '../model/cluster.ts';
import type { Random } from '../util/random.ts';
import type { Balancer } from './balancer.ts';
import { LeastRequest } from './least-request.ts';
import { RoundRobin } from './round-robin.ts';

export interface HostSetOptions {
  readonly lb: LoadBalancerConfig;
  /** Percent of healthy hosts below which health is ignored. */
  readonly healthyPanicThreshold: number;
  readonly random: Random;
}

/** The hosts of a cluster as the balancer sees them: tables made once per change, so that a pick is a few steps. */
export interface HostSet {
  readonly healthy: number;
  /** True where so few hosts are healthy that all are used. */
  readonly panic: boolean;
  /** Null where no host may be chosen. */
  pick(call: Call): Endpoint | null;
}

/** Hosts beyond those needed: a priority takes all calls while healthy × 1.4 covers it. (overprovisioning_factor, Envoy's default) */
const OVERPROVISIONING = 1.4;

/**
 * Takes the hosts of the highest priority that has a healthy one. Where no priority has, or too few of its hosts are
 * (panic threshold) and the other priorities cannot make up for it, all hosts of the priority are used, as Envoy does; a
 * threshold of 0 never does that.
 */
export function hostSet(endpoints: readonly Endpoint[], options: HostSetOptions): HostSet {
  const priorities = [...new Set(endpoints.map(({ priority }) => priority))].sort((a, b) => a - b);
  const healthy = endpoints.filter(({ health }) => isHealthy(health));
  const best = priorities.find((priority) => healthy.some((endpoint) => endpoint.priority === priority));
  const level = best ?? priorities[0];
  const members = endpoints.filter(({ priority }) => priority === level);
  const usable = members.filter(({ health }) => isHealthy(health));
  const share = members.length === 0 ? 100 : (usable.length * 100) / members.length;
  const panic =
    share < options.healthyPanicThreshold && members.length > 0 && availability(endpoints, priorities) < 100;
  const chosen = panic ? members : usable;
  const balancer = chosen.length > 0 ? make(chosen, options) : null;
  return {
    healthy: healthy.length,
    panic,
    pick: (call) => (balancer === null ? null : balancer.pick(call)),
  };
}

/** Percent of the calls that the healthy hosts of all priorities together can take. */
function availability(endpoints: readonly Endpoint[], priorities: readonly number[]): number {
  let sum = 0;
  for (const priority of priorities) {
    const members = endpoints.filter((endpoint) => endpoint.priority === priority);
    const usable = members.filter(({ health }) => isHealthy(health));
    sum += Math.min(100, (usable.length * 100 * OVERPROVISIONING) / members.length);
  }
  return sum;
}

function make(endpoints: readonly Endpoint[], { lb, random }: HostSetOptions): Balancer {
  switch (lb.kind) {
    case 'round_robin':
      return new RoundRobin(endpoints, random);
    case 'least_request':
      return new LeastRequest(endpoints, lb.choiceCount, lb.activeRequestBias, random);
  }
}
