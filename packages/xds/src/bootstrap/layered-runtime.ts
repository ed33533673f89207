import type {
  LayeredRuntime,
  RuntimeLayer as ProtoLayer,
} from '@inmesh/api/gen/envoy/config/bootstrap/v3/bootstrap_pb';
import type { RuntimeLayer } from '@inmesh/core';
import { type Decoding, readRuntimeLayer } from '../decode/index.ts';
import type { TextDocument } from '../text/index.ts';
import { messageAt, placed, writtenPath } from './message-at.ts';

/** Where a layer of runtime values comes from; `name` is the layer's. (envoy.config.bootstrap.v3.RuntimeLayer) */
export type RuntimeLayerSource =
  | { readonly kind: 'static'; readonly name: string; readonly layer: RuntimeLayer }
  /** `resource`: its name in RTDS. */
  | { readonly kind: 'rtds'; readonly name: string; readonly resource: string }
  /** Each file under `directory` is a value; read again when an entry of `symlinkRoot` is renamed. */
  | { readonly kind: 'disk'; readonly name: string; readonly directory: string; readonly symlinkRoot: string }
  /** Set while the process runs. */
  | { readonly kind: 'admin'; readonly name: string };

/** `layered_runtime` of Envoy's bootstrap; a later layer wins. `cluster`: the node's, which a disk layer may be kept apart by. */
export function readLayeredRuntime(decoding: Decoding, document: TextDocument, cluster: string): RuntimeLayerSource[] {
  const path = writtenPath(document, ['layered_runtime']);
  if ((document.at(path) ?? null) === null) return [];
  const { layers } = messageAt<LayeredRuntime>(decoding, document, path, 'envoy.config.bootstrap.v3.LayeredRuntime');
  const names = new Set<string>();
  let admin = false;
  return layers.map((layer, index) => {
    const place = [...path, 'layers', index];
    if (names.has(layer.name)) {
      throw document.error([...place, 'name'], `Duplicate layer name: ${layer.name}`, 'give each its own name');
    }
    names.add(layer.name);
    if (layer.layerSpecifier.case === 'adminLayer') {
      if (admin) throw document.error(place, 'is a second admin layer', 'at most one may be specified');
      admin = true;
    }
    return sourceOf(document, place, layer, cluster);
  });
}

function sourceOf(
  document: TextDocument,
  path: readonly (string | number)[],
  { name, layerSpecifier }: ProtoLayer,
  cluster: string,
): RuntimeLayerSource {
  switch (layerSpecifier.case) {
    case 'staticLayer': {
      const values = layerSpecifier.value;
      return {
        kind: 'static',
        name,
        layer: placed(document, path, () => readRuntimeLayer(name, values, 'static_layer')),
      };
    }
    case 'rtdsLayer': {
      const { name: resource, rtdsConfig } = layerSpecifier.value;
      const source = rtdsConfig?.configSourceSpecifier.case;
      if (source !== 'ads' && source !== 'self') {
        throw document.error([...path, 'rtds_layer'], 'does not come over ADS', 'write rtds_config: { ads: {} }');
      }
      if (resource === '') {
        throw document.error([...path, 'rtds_layer', 'name'], 'is missing', 'name the resource of RTDS');
      }
      return { kind: 'rtds', name, resource };
    }
    case 'diskLayer': {
      const { symlinkRoot, subdirectory, appendServiceCluster } = layerSpecifier.value;
      const parts = [symlinkRoot, subdirectory, ...(appendServiceCluster ? [cluster] : [])];
      return { kind: 'disk', name, directory: parts.filter((part) => part !== '').join('/'), symlinkRoot };
    }
    case 'adminLayer':
      return { kind: 'admin', name };
    default:
      throw document.error(path, 'has no kind', 'write static_layer, rtds_layer, disk_layer or admin_layer');
  }
}
