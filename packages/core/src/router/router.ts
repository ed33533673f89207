import type { Call } from '../call.ts';
import type { Layer } from '../dispatch.ts';
import { isMeshError, MeshError } from '../errors.ts';
import { upgradeRefusal } from './upgrade.ts';

/**
 * Selects the route: authority → virtual host (found when the table was made) → route. Nothing is changed or sent yet, and a call that
 * no route matches goes on, because filters come before the answer that there is none.
 */
export function router(): Layer {
  return (next) => (call, handler) => {
    const refusal = selectRoute(call)?.refusal ?? upgradeRefusal(call);
    if (refusal === null) return next(call, handler);
    noteCluster(call);
    handler.onResponseError(refusal);
  };
}

/** Chooses the route by what the call says now: at first, and again after a filter cleared the choice. */
export function selectRoute(call: Call): Call['route'] {
  call.route = call.table?.match(call) ?? null;
  return call.route;
}

/** Why a call cannot go where it was routed to: no route matches, or the route needs what is not there; null where it can. */
export function routeRefusal({ route, table, head }: Call): MeshError | null {
  if (route !== null) return route.refusal;
  return (
    table?.refusal ??
    new MeshError('no_route', `no route matches ${head.method} ${head.path}`, {
      authority: head.authority,
      ...(table === null ? {} : { listener: table.listener.name }),
    })
  );
}

/**
 * Notes what a call was on its way to when it was answered before it came there: for whoever tells of it, and because what the feed does
 * to the answers of a weighted cluster is done to this one.
 */
export function noteCluster(call: Call): void {
  call.share = call.route?.choose(call) ?? null;
  const cluster = call.share?.clusterOf(call) ?? null;
  if (!isMeshError(cluster)) call.cluster = cluster;
}
