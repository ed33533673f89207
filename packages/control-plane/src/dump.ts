import type { JsonValue } from '@bufbuild/protobuf';
import { typeNameOf } from '@inmesh/api';
import type { DocumentPath, TextDocument } from '@inmesh/xds';

/** Where the resources of a file are. */
export type ResourcePaths = readonly DocumentPath[];

/** Lists of each part of an Envoy's config dump, and the way from an item to its resource. What is active comes first. */
const dumped: Readonly<Record<string, readonly (readonly [list: string, ...way: string[]])[]>> = {
  ListenersConfigDump: [
    ['static_listeners', 'listener'],
    ['dynamic_listeners', 'active_state', 'listener'],
    ['dynamic_listeners', 'warming_state', 'listener'],
  ],
  RoutesConfigDump: [
    ['static_route_configs', 'route_config'],
    ['dynamic_route_configs', 'route_config'],
  ],
  ClustersConfigDump: [
    ['static_clusters', 'cluster'],
    ['dynamic_active_clusters', 'cluster'],
    ['dynamic_warming_clusters', 'cluster'],
  ],
  EndpointsConfigDump: [
    ['static_endpoint_configs', 'endpoint_config'],
    ['dynamic_endpoint_configs', 'endpoint_config'],
  ],
};

/**
 * The resources of what a proxy or a client was given: an Envoy's config dump (`/config_dump?include_eds`), a client status (CSDS), or a
 * recorded feed, which maps each type URL to its resources. Null for a file of resources as people write it.
 */
export function dumpedResources(document: TextDocument): ResourcePaths | null {
  const { value } = document;
  if (!isObject(value)) return null;
  if (Array.isArray(value.configs))
    return value.configs.flatMap((_, index) => inConfigDump(document, ['configs', index]));
  if (Array.isArray(value.config))
    return value.config.flatMap((_, index) => inClientStatus(document, ['config', index]));
  const keys = Object.keys(value);
  if (keys.length === 0 || !keys.every((key) => key.startsWith('type.googleapis.com/'))) return null;
  return keys.flatMap((key) => itemsOf(document, [key]));
}

function inConfigDump(document: TextDocument, path: DocumentPath): DocumentPath[] {
  const type = document.at([...path, '@type']);
  const part = typeof type === 'string' ? typeNameOf(type).slice('envoy.admin.v3.'.length) : '';
  const lists = Object.hasOwn(dumped, part) ? (dumped[part] ?? []) : [];
  return lists.flatMap(([list, ...way]) =>
    itemsOf(document, [...path, list])
      .map((item) => [...item, ...way])
      .filter((place) => document.at(place) !== undefined),
  );
}

function inClientStatus(document: TextDocument, path: DocumentPath): DocumentPath[] {
  return ['generic_xds_configs', 'genericXdsConfigs'].flatMap((list) =>
    itemsOf(document, [...path, list]).flatMap((item) =>
      ['xds_config', 'xdsConfig'].map((name) => [...item, name]).filter((place) => document.at(place) !== undefined),
    ),
  );
}

function itemsOf(document: TextDocument, path: DocumentPath): DocumentPath[] {
  const list = document.at(path);
  return Array.isArray(list) ? list.map((_, index) => [...path, index]) : [];
}

/** The same without the locality weights of 0 that Envoy's dumps write for none: no feed may have them. */
export function withoutZeroWeights(document: TextDocument): TextDocument {
  return {
    origin: document.origin,
    value: document.value,
    at: (path) => {
      const value = document.at(path);
      return value === undefined ? undefined : withoutZeros(value);
    },
    positionOf: document.positionOf.bind(document),
    error: document.error.bind(document),
  };
}

function withoutZeros(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(withoutZeros);
  if (!isObject(value)) return value;
  const entries = Object.entries(value).filter(([key, each]) => !(each === 0 && key === 'load_balancing_weight'));
  return Object.fromEntries(entries.map(([key, each]) => [key, withoutZeros(each)]));
}

function isObject(value: JsonValue): value is { [key: string]: JsonValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
