import { type ConfigSource, type Kind, MeshError, type Model } from '@inmesh/core';
import { kinds } from '../kinds.ts';
import type { Bootstrap } from './bootstrap.ts';

/**
 * The static resources of a bootstrap as a source of configuration. It never changes: a watcher hears once, before `watch`
 * returns, of its resource or that there is none. Null where the bootstrap has no static resources.
 */
export function staticSource(
  bootstrap: Pick<Bootstrap, 'origin' | 'staticListeners' | 'staticClusters' | 'staticSecrets'>,
): ConfigSource | null {
  const { origin, staticListeners, staticClusters, staticSecrets } = bootstrap;
  if (staticListeners.length === 0 && staticClusters.length === 0 && staticSecrets.length === 0) return null;
  const resources: { readonly [K in Kind]?: ReadonlyMap<string, Model[K]> } = {
    listener: byName(staticListeners),
    cluster: byName(staticClusters),
    secret: byName(staticSecrets),
  };
  return {
    watch(kind, name, watcher) {
      const found = resources[kind]?.get(name);
      if (found !== undefined) watcher.changed(found);
      else {
        const { absentCode } = kinds[kind];
        watcher.resourceError(new MeshError(absentCode, `${origin} has no ${kind} "${name}"`, { resource: name }));
      }
      return () => {};
    },
  };
}

function byName<T extends { readonly name: string }>(all: readonly T[]): ReadonlyMap<string, T> {
  return new Map(all.map((each) => [each.name, each]));
}
