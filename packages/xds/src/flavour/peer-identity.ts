import { fromJson, type JsonObject, type JsonValue, toBinary } from '@bufbuild/protobuf';
import { StructSchema } from '@bufbuild/protobuf/wkt';
import type { PeerIdentity } from '@inmesh/core';
import type { NodeIdentity } from '../bootstrap/index.ts';

/** Of a node's metadata, what Istio's proxies tell each other. */
const KEYS: readonly string[] = [
  'CLUSTER_ID',
  'IDENTITY',
  'LABELS',
  'NAME',
  'NAMESPACE',
  'OWNER',
  'REGION',
  'AVAILABILITY_ZONE',
  'WORKLOAD_NAME',
];

/** What peers in an Istio mesh are told of this process; null for a node that is not of one. */
export function peerIdentity({ id, metadata }: NodeIdentity): PeerIdentity | null {
  const told = Object.fromEntries(KEYS.flatMap((key) => (key in metadata ? [[key, metadata[key] as JsonValue]] : [])));
  if (id === '' || !('NAMESPACE' in told)) return null;
  const bytes = toBinary(StructSchema, fromJson(StructSchema, sorted(told) as JsonObject));
  return { id, metadata: Buffer.from(bytes).toString('base64') };
}

/** The same bytes each time: fields of a Struct have no order of their own. */
function sorted(value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted(value[key] as JsonValue)]),
  );
}
