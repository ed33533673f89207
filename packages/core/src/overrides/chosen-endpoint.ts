import { isDeepStrictEqual } from 'node:util';
import type { Call } from '../call.ts';
import { type Endpoint, isHealthy } from '../cluster/endpoint.ts';
import { MeshError } from '../errors.ts';
import type { Random } from '../util/random.ts';
import type { EndpointWish } from './call-overrides.ts';

/** Where Envoy looks for what subsets are made of. */
const SUBSETS = 'envoy.lb';

export interface EndpointChoice {
  readonly cluster: string;
  readonly endpoints: ReadonlyMap<string, Endpoint>;
  readonly random: Random;
}

/**
 * The host that the caller wants, and no other. An address is taken whatever its health: who names one wants to see that one. Of those with
 * the wanted metadata a healthy one, not tried before where there is one.
 */
export function chosenEndpoint(call: Call, wish: EndpointWish, from: EndpointChoice): Endpoint | MeshError {
  const { cluster, endpoints, random } = from;
  if (wish.kind === 'address') {
    const found = endpoints.get(wish.address);
    return found ?? refusal(`endpoint ${wish.address}, which the cluster does not have`, cluster);
  }
  const fitting = [...endpoints.values()].filter(({ config }) =>
    hasLabels(config.metadata[SUBSETS] ?? {}, wish.labels),
  );
  const healthy = fitting.filter(({ health }) => isHealthy(health));
  const fresh = healthy.filter((endpoint) => !(call.previous ?? []).includes(endpoint));
  const candidates = fresh.length > 0 ? fresh : healthy;
  const found = candidates[Math.floor(random() * candidates.length)];
  const labels = JSON.stringify(wish.labels);
  return (
    found ?? refusal(`an endpoint with ${labels}, of which the cluster has ${fitting.length}, none healthy`, cluster)
  );
}

function hasLabels(
  metadata: { readonly [key: string]: unknown },
  labels: { readonly [key: string]: unknown },
): boolean {
  return Object.entries(labels).every(([key, value]) => isDeepStrictEqual(metadata[key], value));
}

function refusal(what: string, cluster: string): MeshError {
  return new MeshError('no_healthy_upstream', `the caller's overrides ask for ${what}`, { cluster });
}
