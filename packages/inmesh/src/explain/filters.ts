import type { Call, RouteEntry, RouteTable } from '@inmesh/core';
import type { ExplainedFilter } from './explanation.ts';

/** The HTTP filters on the way of a call, and which levels configure each anew. */
export function explainFilters(table: RouteTable, route: RouteEntry | null, call: Call): readonly ExplainedFilter[] {
  const { routeConfiguration, virtualHost } = table;
  const action = route?.config.action;
  const clusters = action?.kind === 'forward' ? action.clusters : [];
  const levels =
    route === null
      ? []
      : ([
          ['route configuration', routeConfiguration.filters],
          ['virtual host', virtualHost.filters],
          ['route', route.config.filters],
          ...clusters.map(({ name, filters }) => [`cluster ${name}`, filters] as const),
        ] as const);
  return (route?.filters(call) ?? table.filters).entries.map(({ name, state }) => ({
    name,
    state,
    overriddenAt: levels.filter(([, overrides]) => overrides?.has(name) === true).map(([level]) => level),
  }));
}
