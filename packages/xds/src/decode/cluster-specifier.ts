import type { ClusterSpecifierPlugin, RouteAction } from '@inmesh/api/gen/envoy/config/route/v3/route_components_pb';
import type { RouteLookupConfig } from '@inmesh/core';
import type { Decoding } from './decoding.ts';
import { isEnvoySpecifier } from './envoy/index.ts';
import { decodeRouteLookup, ROUTE_LOOKUP } from './route-lookup.ts';
import { readTypedConfig } from './typed-config.ts';

/** What a plugin comes to: `skipped` is one that this version lacks and may leave out, with the routes that name it. */
export type DecodedSpecifier =
  | { readonly kind: 'lookup'; readonly config: RouteLookupConfig }
  | { readonly kind: 'skipped' | 'unknown'; readonly typeName: string };

/** By the plugin's name. */
export type ClusterSpecifiers = ReadonlyMap<string, DecodedSpecifier>;

/** `cluster_specifier_plugins` of a route configuration. */
export function decodeSpecifiers(
  decoding: Decoding,
  plugins: readonly ClusterSpecifierPlugin[],
  field: string,
): ClusterSpecifiers {
  return new Map(
    plugins.map((plugin, index) => [
      plugin.extension?.name ?? '',
      decodeSpecifier(decoding, plugin, `${field}[${index}]`),
    ]),
  );
}

/** The plugin that chooses an action's cluster; null where none does. */
export function specifierOf(
  decoding: Decoding,
  { clusterSpecifier: specifier }: RouteAction,
  plugins: ClusterSpecifiers,
  field: string,
): DecodedSpecifier | null {
  if (specifier.case === 'clusterSpecifierPlugin') {
    return plugins.get(specifier.value) ?? { kind: 'unknown', typeName: specifier.value };
  }
  if (specifier.case !== 'inlineClusterSpecifierPlugin') return null;
  return decodeSpecifier(decoding, specifier.value, `${field}.inline_cluster_specifier_plugin`);
}

/** Lookups are gRPC's: Envoy has no such plugin, so where its decisions hold it is as unknown as any other. (gRFC A48) */
function decodeSpecifier(
  decoding: Decoding,
  { extension, isOptional }: ClusterSpecifierPlugin,
  field: string,
): DecodedSpecifier {
  const place = `${field}.extension.typed_config`;
  const { any, typeName } = readTypedConfig(extension?.typedConfig, place);
  if (decoding.profile === 'grpc' && any !== null && typeName === ROUTE_LOOKUP) {
    return { kind: 'lookup', config: decodeRouteLookup(any, place) };
  }
  // Envoy would not leave its own out: their calls are refused rather than sent elsewhere.
  const isKnown = decoding.profile === 'envoy' && isEnvoySpecifier(typeName);
  return { kind: isOptional && !isKnown ? 'skipped' : 'unknown', typeName };
}
