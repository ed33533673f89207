import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import { type PeerMetadataConfig, peerMetadata } from '@inmesh/core';
import type { TypedConfig } from '../typed-config.ts';
import type { FilterRow } from './row.ts';

/** Istio's own message, which comes as a TypedStruct: the Envoy API does not have it. */
const FILTER = 'io.istio.http.peer_metadata.Config';

/** How a method of discovery or propagation is named: `{ istio_headers: { … } }`, in either spelling of protobuf's JSON. */
function methods(config: TypedConfig, name: string): readonly { readonly [method: string]: unknown }[] {
  const list = config.struct?.[name] ?? config.struct?.[camelCase(name)];
  return Array.isArray(list) ? list.filter(isObject) : [];
}

function decode(_: unknown, config: TypedConfig): PeerMetadataConfig {
  const istioHeaders = (name: string) =>
    methods(config, name).find((each) => 'istio_headers' in each || 'istioHeaders' in each);
  const propagation = istioHeaders('upstream_propagation');
  const { skip_external_clusters: skips, skipExternalClusters } = (propagation?.istio_headers ??
    propagation?.istioHeaders ??
    {}) as { readonly [field: string]: unknown };
  return {
    propagates: propagation !== undefined,
    skipsExternal: skips === true || skipExternalClusters === true,
    discovers: istioHeaders('upstream_discovery') !== undefined,
  };
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

export const peerMetadataRow: FilterRow = {
  typeName: FILTER,
  decode,
  override: null,
  type: peerMetadata as FilterRow['type'],
};
