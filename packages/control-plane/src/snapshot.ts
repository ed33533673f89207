import { createHash } from 'node:crypto';
import { duplicateError, type Resource } from './resource.ts';

/** All resources of one type, at one version. */
export interface TypeState {
  readonly version: string;
  readonly resources: ReadonlyMap<string, Resource>;
}

const nothing: TypeState = { version: '0', resources: new Map() };

/**
 * Everything a node may be told, at one moment. Never changed: an update makes the next one, in which a type keeps its
 * version, and a resource its object, where their content is the same byte for byte.
 */
export class Snapshot {
  static readonly empty: Snapshot = new Snapshot(new Map());
  readonly types: ReadonlyMap<string, TypeState>;

  private constructor(types: ReadonlyMap<string, TypeState>) {
    this.types = types;
  }

  /** The resources of a type; version `0` where there never were any. */
  of(typeUrl: string): TypeState {
    return this.types.get(typeUrl) ?? nothing;
  }

  get size(): number {
    let size = 0;
    for (const { resources } of this.types.values()) size += resources.size;
    return size;
  }

  /** The snapshot with these resources instead; this one if they are the same. Throws `MeshError('invalid_config')` for two with one type and name. */
  next(resources: Iterable<Resource>): Snapshot {
    const byType = new Map<string, Map<string, Resource>>();
    for (const typeUrl of this.types.keys()) byType.set(typeUrl, new Map()); // A type whose last resource went needs a new version too.
    for (const resource of resources) {
      const ofType = byType.get(resource.typeUrl) ?? new Map<string, Resource>();
      byType.set(resource.typeUrl, ofType);
      const other = ofType.get(resource.name);
      if (other !== undefined) throw duplicateError(other, resource);
      const before = this.of(resource.typeUrl).resources.get(resource.name);
      ofType.set(resource.name, before !== undefined && sameContent(before, resource) ? before : resource);
    }
    const types = new Map<string, TypeState>();
    for (const [typeUrl, ofType] of byType) {
      const before = this.of(typeUrl);
      types.set(typeUrl, sameResources(before.resources, ofType) ? before : newState(before, ofType));
    }
    const same = types.size === this.types.size && [...types].every(([typeUrl, state]) => state === this.of(typeUrl));
    return same ? this : new Snapshot(types);
  }
}

function sameContent(a: Resource, b: Resource): boolean {
  return Buffer.compare(a.any.value, b.any.value) === 0;
}

function sameResources(a: ReadonlyMap<string, Resource>, b: ReadonlyMap<string, Resource>): boolean {
  if (a.size !== b.size) return false;
  for (const [name, resource] of a) if (b.get(name) !== resource) return false;
  return true;
}

/** `counter-hash`: the counter tells people the order, the hash tells a restarted server's versions apart. */
function newState(before: TypeState, unordered: ReadonlyMap<string, Resource>): TypeState {
  const names = [...unordered.keys()].sort();
  const resources = new Map<string, Resource>();
  const hash = createHash('sha256');
  for (const name of names) {
    const resource = unordered.get(name) as Resource;
    resources.set(name, resource);
    hash.update(`${name}\0${resource.any.value.byteLength}\0`).update(resource.any.value);
  }
  return { version: `${Number.parseInt(before.version, 10) + 1}-${hash.digest('hex').slice(0, 8)}`, resources };
}
