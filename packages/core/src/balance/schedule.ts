import type { Endpoint } from '../cluster/endpoint.ts';

/** Turns per host at most: bounds the table where weights are large and share no divisor. */
const MAX_TURNS_PER_HOST = 128;

/**
 * One round in which every host has turns in proportion to its weight, spread evenly (earliest deadline first, as Envoy's
 * scheduler does). Weights that would make the round too long are scaled, with an error below one turn in a round.
 */
export function schedule(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const first = endpoints[0]?.weight;
  if (endpoints.every((endpoint) => endpoint.weight === first)) return endpoints;
  const divisor = endpoints.reduce((acc, { weight }) => gcd(acc, weight), 0);
  const total = endpoints.reduce((sum, { weight }) => sum + weight / divisor, 0);
  const limit = endpoints.length * MAX_TURNS_PER_HOST;
  const scale = total > limit ? limit / total : 1;
  const turns: { readonly at: number; readonly endpoint: Endpoint }[] = [];
  for (const endpoint of endpoints) {
    const count = Math.max(1, Math.round((endpoint.weight / divisor) * scale));
    for (let turn = 0; turn < count; turn++) turns.push({ at: (turn + 0.5) / count, endpoint });
  }
  turns.sort((a, b) => a.at - b.at);
  return turns.map(({ endpoint }) => endpoint);
}

function gcd(a: number, b: number): number {
  let x = a;
  let y = b;
  while (y !== 0) {
    const rest = x % y;
    x = y;
    y = rest;
  }
  return x;
}
