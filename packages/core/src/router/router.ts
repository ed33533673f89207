import type { Layer } from '../dispatch.ts';
import { MeshError } from '../errors.ts';

/** Selects the route: authority → virtual host (found when the table was made) → route. Nothing is changed or sent yet. */
export function router(): Layer {
  return (next) => (call, handler) => {
    const { table, head } = call;
    const route = table?.match(head.path) ?? null;
    if (route === null) {
      handler.onResponseError(
        new MeshError('no_route', `no route matches ${head.method} ${head.path}`, {
          authority: head.authority,
          ...(table === null ? {} : { listener: table.listener.name }),
        }),
      );
      return;
    }
    if (route.refusal !== null) {
      handler.onResponseError(route.refusal);
      return;
    }
    call.route = route;
    next(call, handler);
  };
}
