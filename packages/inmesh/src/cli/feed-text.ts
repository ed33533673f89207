import { type AdsStatus, allKinds, kinds, type ResourceStatus } from '@inmesh/xds';

/** `Cluster` */
export function titleOf(kind: ResourceStatus['kind']): string {
  return kinds[kind].typeName.slice(kinds[kind].typeName.lastIndexOf('.') + 1);
}

/** Those of some types; of all where none is named. */
export function* only<T extends ResourceStatus>(resources: Iterable<T>, types: ReadonlySet<string>): Generator<T> {
  for (const resource of resources) if (types.size === 0 || types.has(resource.kind)) yield resource;
}

/** In the order in which one points to the next. */
export function shown({ resources }: AdsStatus, types: ReadonlySet<string>): ResourceStatus[] {
  return [...only(resources, types)].sort(
    (a, b) => allKinds.indexOf(a.kind) - allKinds.indexOf(b.kind) || (a.name < b.name ? -1 : 1),
  );
}

export function describe(status: AdsStatus, types: ReadonlySet<string>): string[] {
  const servers = status.servers.map(
    ({ serverUri, state, variant, lastError }) =>
      `control plane ${serverUri}: ${state}, ${variant}${lastError === null ? '' : `, ${lastError}`}`,
  );
  const resources = shown(status, types);
  const states = Map.groupBy(resources, ({ state }) => state);
  const sums = Array.from(states, ([state, group]) => `${group.length} ${state}`);
  return [
    ...servers,
    ...resources.flatMap(describeResource),
    `${resources.length} resources: ${sums.join(', ') || 'none'}`,
  ];
}

export function describeResource({ kind, name, state, version, error, refusedVersion }: ResourceStatus): string[] {
  const inForce = version === '' ? '' : `  version ${version}`;
  const refused = refusedVersion === null ? '' : `  refused ${refusedVersion}`;
  const line = `${titleOf(kind)}  ${name}  ${state}${inForce}${refused}`;
  return error === null ? [line] : [line, `    ${error}`];
}
