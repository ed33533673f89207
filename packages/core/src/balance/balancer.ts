import type { Call } from '../call.ts';
import type { Endpoint } from '../cluster/endpoint.ts';

/** Chooses among the hosts that may be chosen; synchronous and without I/O. Made anew when the hosts change. */
export interface Balancer {
  /** Never called for an empty set of hosts. */
  pick(call: Call): Endpoint;
}
