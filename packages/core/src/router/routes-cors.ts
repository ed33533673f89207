import type { CorsPolicy } from '../model/cors.ts';
import type { FilterOverrides } from '../model/http-filter.ts';
import type { Listener } from '../model/listener.ts';
import type { RouteAction, VirtualHost } from '../model/route.ts';

const CORS = 'type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors';

/**
 * Policies that stand in fields of the routes, the older form, as overrides of the cors filter: they hold where the filter has no other.
 * (VirtualHost.cors, RouteAction.cors)
 */
export function corsOfRoutes(
  { http }: Listener,
  virtualHost: VirtualHost,
  action: RouteAction,
  overrides: readonly FilterOverrides[],
): FilterOverrides[] {
  const policies = [virtualHost.cors, action.kind === 'forward' ? action.cors : undefined];
  return policies.flatMap((policy) => (policy === undefined ? [] : asOverrides(http, policy, overrides)));
}

function asOverrides(
  http: Listener['http'],
  policy: CorsPolicy,
  overrides: readonly FilterOverrides[],
): FilterOverrides[] {
  const filters = (http?.httpFilters ?? []).filter(
    ({ name, typeUrl }) => typeUrl === CORS && !overrides.some((level) => level.get(name)?.filterTypeUrl === CORS),
  );
  const common = { typeUrl: '', filterTypeUrl: CORS, support: 'known', optional: false, unsupported: [] } as const;
  const entries = filters.map(({ name, disabled }) => [name, { ...common, disabled, config: policy }] as const);
  return entries.length === 0 ? [] : [new Map(entries)];
}
