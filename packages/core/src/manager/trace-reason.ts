import type { SamplingShares } from '../model/connection-manager.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Random } from '../util/random.ts';

/** Where the version of a random UUID stands, `4`: Envoy writes there why the request is traced. */
const POSITION = 14;
const LENGTH = 36;
/** Why, where others decided: `a` is forced by a proxy. */
const TRACED = '9ab';
const REASONS = { sampled: '9', client: 'b', none: '4' } as const;

/** True where a request id says that its request is traced. */
export function isTraced(id: string | undefined): boolean {
  return id?.length === LENGTH && TRACED.includes(id[POSITION] as string);
}

/** The number that a request id stands for, which decides what is left to chance; null for an id that stands for none. */
export function numberOf(id: string): number | null {
  const digits = id.slice(0, 8);
  return /^[0-9a-f]{8}$/i.test(digits) ? Number.parseInt(digits, 16) : null;
}

/** The id with the decision about its trace in it; `isClient`: the caller asks for one by `x-client-trace-id`. (envoy: ConnectionManagerUtility::mutateTracingRequestHeader) */
export function decideTrace(
  id: string,
  { client, random, overall }: SamplingShares,
  isClient: boolean,
  { runtime, draw }: { readonly runtime: Runtime; readonly draw: Random },
): string {
  const number = numberOf(id);
  if (number === null || id.length !== LENGTH) return id;
  let decided = id;
  if (!isTraced(id)) {
    const chance = Math.floor(draw() * 2 ** 32);
    if (isClient && runtime.featureEnabled('tracing.client_enabled', client, chance)) {
      decided = withReason(id, REASONS.client);
    } else if (runtime.featureEnabled('tracing.random_sampling', random, number)) {
      decided = withReason(id, REASONS.sampled);
    }
  }
  if (isTraced(decided) && !runtime.featureEnabled('tracing.global_enabled', overall, number)) {
    return withReason(decided, REASONS.none);
  }
  return decided;
}

function withReason(id: string, reason: string): string {
  return id.slice(0, POSITION) + reason + id.slice(POSITION + 1);
}
