import {
  type ForwardAction,
  mirrorPolicies,
  type RouteConfiguration,
  type RouteLookupConfig,
  type VirtualHost,
} from '@inmesh/core';

/** The clusters that the routes of a virtual host lead to by name, and those that their requests are copied to. */
export function clusterNames(virtualHost: VirtualHost | null, config: RouteConfiguration): ReadonlySet<string> {
  const names = new Set<string>();
  if (virtualHost === null) return names;
  for (const action of forwards(virtualHost)) {
    for (const { name, weight } of action.clusters) {
      if (name !== '' && (weight > 0 || action.runtimeKeyPrefix !== '')) names.add(name);
    }
    for (const { cluster } of mirrorPolicies(action, virtualHost, config)) if (cluster !== '') names.add(cluster);
  }
  // To be there when a lookup fails.
  for (const { defaultTarget } of lookupsOf(virtualHost)) if (defaultTarget !== '') names.add(defaultTarget);
  return names;
}

/** What the routes of a virtual host have their clusters looked up by. */
export function lookupsOf(virtualHost: VirtualHost | null): ReadonlySet<RouteLookupConfig> {
  const lookups = new Set<RouteLookupConfig>();
  for (const { clusters } of forwards(virtualHost)) {
    for (const { lookup } of clusters) if (lookup !== null) lookups.add(lookup);
  }
  return lookups;
}

function forwards(virtualHost: VirtualHost | null): readonly ForwardAction[] {
  return (virtualHost?.routes ?? []).map(({ action }) => action).filter((action) => action.kind === 'forward');
}
