import type { Call } from '../call.ts';
import type { Layer } from '../dispatch.ts';
import { MeshError } from '../errors.ts';

/**
 * Selects the route: authority → virtual host (found when the table was made) → route. Nothing is changed or sent yet, and a call that
 * no route matches goes on, because filters come before the answer that there is none.
 */
export function router(): Layer {
  return (next) => (call, handler) => {
    const refusal = selectRoute(call)?.refusal ?? null;
    if (refusal !== null) handler.onResponseError(refusal);
    else next(call, handler);
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
  return new MeshError('no_route', `no route matches ${head.method} ${head.path}`, {
    authority: head.authority,
    ...(table === null ? {} : { listener: table.listener.name }),
  });
}
