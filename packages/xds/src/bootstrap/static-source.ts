import { type ConfigSource, type Kind, MeshError, type MeshErrorCode, type Model } from '@inmesh/core';
import type { Bootstrap } from './bootstrap.ts';

const ABSENT: { readonly [K in Kind]: MeshErrorCode } = {
  listener: 'no_route',
  routeConfiguration: 'no_route',
  cluster: 'no_cluster',
  clusterLoadAssignment: 'no_healthy_upstream',
};

/**
 * The static resources of a bootstrap as a source of configuration. It never changes: a watcher hears once, before `watch`
 * returns, of its resource or that there is none. Null where the bootstrap has no static resources.
 */
export function staticSource(
  bootstrap: Pick<Bootstrap, 'origin' | 'staticListeners' | 'staticClusters'>,
): ConfigSource | null {
  const { origin, staticListeners, staticClusters } = bootstrap;
  if (staticListeners.length === 0 && staticClusters.length === 0) return null;
  const resources: { readonly [K in Kind]: ReadonlyMap<string, Model[K]> } = {
    listener: new Map(staticListeners.map((each) => [each.name, each])),
    routeConfiguration: new Map(),
    cluster: new Map(staticClusters.map((each) => [each.name, each])),
    clusterLoadAssignment: new Map(),
  };
  return {
    watch(kind, name, watcher) {
      const found = resources[kind].get(name);
      if (found !== undefined) watcher.changed(found);
      else watcher.resourceError(new MeshError(ABSENT[kind], `${origin} has no ${kind} "${name}"`, { resource: name }));
      return () => {};
    },
  };
}
