import type { Resolver, Unwatch } from '../config-source.ts';
import type { MeshError } from '../errors.ts';
import { addressText, type ClusterLoadAssignment, type EndpointConfig } from '../model/endpoint.ts';

interface NamedHost {
  readonly config: EndpointConfig;
  /** Null until the name was resolved or failed to. */
  found: readonly EndpointConfig[] | null;
}

/**
 * Follows the names in a STRICT_DNS cluster: every address of every name is an endpoint, with the weight, health and
 * metadata of the name's entry. Tells the whole assignment once each name has answered or failed, and at each change.
 */
export function followNames(
  assignment: ClusterLoadAssignment,
  refreshMs: number,
  resolver: Resolver,
  changed: (assignment: ClusterLoadAssignment) => void,
  failed: (error: MeshError) => void,
): Unwatch {
  const localities = assignment.localities.map((locality) => ({
    locality,
    hosts: locality.endpoints.map((config): NamedHost => ({ config, found: null })),
  }));
  const all = localities.flatMap(({ hosts }) => hosts);

  const tell = () => {
    if (all.some(({ found }) => found === null)) return;
    changed({
      ...assignment,
      localities: localities.map(({ locality, hosts }) => ({
        ...locality,
        endpoints: hosts.flatMap(({ found }) => found ?? []),
      })),
    });
  };

  const unwatch = all.map((host) => {
    const failure = (error: MeshError) => {
      failed(error);
      if (host.found !== null) return;
      host.found = [];
      tell();
    };
    return resolver.watch(
      addressText(host.config.address),
      {
        changed(resolved) {
          host.found = resolved.localities.flatMap(({ endpoints }) =>
            endpoints.map(({ address }) => ({ ...host.config, address })),
          );
          tell();
        },
        resourceError: failure,
        ambientError: failure,
      },
      { refreshMs },
    );
  });
  if (all.length === 0) tell();
  return () => {
    for (const stop of unwatch) stop();
  };
}
