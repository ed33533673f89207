import type { Kind, MeshErrorCode, Model } from '@inmesh/core';

/** What a decoder may know besides the bytes. */
export interface DecodeContext {
  /** This node's id, so that an error can name it. */
  readonly nodeId: string;
  /** The server that the resource came from, so that an error can name it. */
  readonly controlPlane: string;
  /** The bytes were accepted already, by the same version of inmesh: structural rules are not checked again. Default false. */
  readonly accepted?: boolean;
}

/** A resource that passed validation. */
export interface Decoded<T> {
  readonly name: string;
  readonly value: T;
}

/**
 * All that the ADS client knows of one resource type. The client is handed a table of these and knows no type by itself.
 */
export interface ResourceType<K extends Kind = Kind> {
  readonly kind: K;
  /** As in `Any.type_url`: `type.googleapis.com/envoy.config.cluster.v3.Cluster`. */
  readonly typeUrl: string;
  /** A state-of-the-world response holds every resource of this type, so absence means deletion: true for LDS and CDS, false for RDS and EDS. */
  readonly fullState: boolean;
  /**
   * Code of the error that watchers of a resource hear when the server has none of that name, such as `no_cluster`: what
   * a call that needs it fails with. Never `invalid_config`, which says that there is one and it was refused.
   */
  readonly absentCode: Exclude<MeshErrorCode, 'invalid_config'>;
  /** It holds secrets: it is kept out of every store, and its content out of every status, message and log. */
  readonly sensitive: boolean;
  /**
   * The resource's name, read without decoding the rest, so that a resource can be told unchanged, unwanted or bad by
   * name. Null where the bytes hold none. `nameInFieldOne` serves every type of the Envoy API.
   */
  nameOf(bytes: Uint8Array): string | null;
  /**
   * Decodes and validates. Throws MeshError('invalid_config') that names the field and the reason; whatever else it
   * throws is taken as a refusal too. The value must not refer to `bytes`.
   */
  decode(bytes: Uint8Array, context: DecodeContext): Decoded<Model[K]>;
  /**
   * The same in small steps, for a resource that would hold up the event loop: each `next()` does a bit, the last returns
   * what `decode` would, or throws it. Default: `decode` as one step.
   */
  decodeInSteps?(bytes: Uint8Array, context: DecodeContext): Generator<undefined, Decoded<Model[K]>, undefined>;
}

/** The table: one entry per kind that `watch` knows. */
export type ResourceTypes = { readonly [K in Kind]: ResourceType<K> };

/** Something for each kind of the table, however many kinds there are. That it fits its kind is for the caller to say, as `R`: the compiler knows no mapping over kinds. */
export function eachKind<R extends { readonly [K in Kind]: unknown }>(
  types: ResourceTypes,
  make: <K extends Kind>(type: ResourceType<K>) => unknown,
): R {
  const all: readonly ResourceType[] = Object.values(types);
  return Object.fromEntries(all.map((type) => [type.kind, make(type)])) as R;
}

/** Decodes in steps where the type can, or as one. */
export function* decodeInSteps<K extends Kind>(
  type: ResourceType<K>,
  bytes: Uint8Array,
  context: DecodeContext,
): Generator<undefined, Decoded<Model[K]>, undefined> {
  if (type.decodeInSteps === undefined) return type.decode(bytes, context);
  const decoded = yield* type.decodeInSteps(bytes, context);
  yield; // What its watchers do with a large one should not have to share a slice with the end of its decoding.
  return decoded;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads the string in field 1 of a serialized message: the name of a Listener, RouteConfiguration, Cluster,
 * ClusterLoadAssignment, Secret, Runtime or TypedExtensionConfig. Null where it is missing, empty or the bytes are no message.
 */
export function nameInFieldOne(bytes: Uint8Array): string | null {
  // Serializers write fields in order of their numbers, so field 1 (tag 0x0a) comes first where it is set at all; a
  // message in another order loses only the shortcut, because decoding gives its name too.
  if (bytes[0] !== 0x0a) return null;
  let length = 0;
  let at = 1;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    if (byte === undefined || shift > 21) return null;
    length |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  if (length === 0 || at + length > bytes.length) return null;
  try {
    return utf8.decode(bytes.subarray(at, at + length));
  } catch {
    return null;
  }
}
