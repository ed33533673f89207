import type { ConfigSource, Kind, Model, Unwatch, Watcher } from '@inmesh/core';
import { MeshError } from '@inmesh/core';
import { type Bootstrap, kinds, type StaticResource } from '@inmesh/xds';

/** What is static comes first, as in Envoy: a control plane cannot redefine it. */
export function layeredSource(
  fixed: ConfigSource | null,
  isFixed: (kind: Kind, name: string) => boolean,
  dynamic: ConfigSource | null,
  origin: string,
): ConfigSource {
  return {
    watch<K extends Kind>(kind: K, name: string, watcher: Watcher<Model[K]>): Unwatch {
      if (fixed !== null && isFixed(kind, name)) return fixed.watch(kind, name, watcher);
      if (dynamic !== null) return dynamic.watch(kind, name, watcher);
      watcher.resourceError(
        new MeshError(kinds[kind].absentCode, `${origin} has no such resource and names no control plane`, {
          resource: `${kind} "${name}"`,
        }),
      );
      return () => {};
    },
  };
}

/** The resources of the bootstrap itself. */
export function staticResources({ staticListeners, staticClusters }: Bootstrap): StaticResource[] {
  const named = (typeUrl: string, resources: readonly { readonly name: string }[]) =>
    resources.map(({ name }) => ({ typeUrl, name }));
  return [
    ...named('type.googleapis.com/envoy.config.listener.v3.Listener', staticListeners),
    ...named('type.googleapis.com/envoy.config.cluster.v3.Cluster', staticClusters),
  ];
}
