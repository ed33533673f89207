import type { Call } from '../call.ts';
import { requestHeader } from '../format/values.ts';

/** Of the cluster that the call's route has chosen; null where it has none. */
export function clusterNameOf(call: Call): string | null {
  const share = call.route?.choose(call) ?? null;
  if (share === null) return null;
  if (share.specifier !== null) return share.nameFor(call);
  return share.header === '' ? share.name : requestHeader(call.head, share.header);
}
