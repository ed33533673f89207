import type { Any } from '@bufbuild/protobuf/wkt';
import { typeUrlOf } from '@inmesh/api';
import type { FilterConfig } from '@inmesh/api/gen/envoy/config/route/v3/route_components_pb';
import type { FilterOverride, FilterOverrides } from '@inmesh/core';
import { type Decoding, Refusal, unpack } from './decoding.ts';
import { doesNothing, rawConfig } from './http-filter.ts';
import { readTypedConfig, type TypedConfig } from './typed-config.ts';

const FILTER_CONFIG = 'envoy.config.route.v3.FilterConfig';

/** `typed_per_filter_config` of a route configuration, virtual host, route or weighted cluster; nothing where it is empty. */
export function decodeFilterOverrides(
  decoding: Decoding,
  overrides: { readonly [filter: string]: Any },
  field: string,
): { readonly filters?: FilterOverrides } {
  const entries = Object.entries(overrides);
  if (entries.length === 0) return {};
  return {
    filters: new Map(entries.map(([name, any]) => [name, decodeOverride(decoding, name, any, `${field}["${name}"]`)])),
  };
}

function decodeOverride(decoding: Decoding, name: string, any: Any, field: string): FilterOverride {
  const config = readTypedConfig(any, field);
  if (config.any === null || config.typeName !== FILTER_CONFIG) return override(decoding, config, false, field);
  const wrapper = unpack<FilterConfig>(decoding, config.any, FILTER_CONFIG, field);
  if (wrapper.disabled) return { ...ENABLED, disabled: true };
  if (wrapper.config === undefined) {
    throw new Refusal(field, `empty route/virtual host per filter configuration for ${name} filter`);
  }
  if (wrapper.config.typeUrl === '') return ENABLED;
  return override(decoding, readTypedConfig(wrapper.config, `${field}.config`), wrapper.isOptional, `${field}.config`);
}

/** An entry that only says that the filter takes part. */
const ENABLED: FilterOverride = {
  typeUrl: '',
  filterTypeUrl: '',
  support: 'skipped',
  disabled: false,
  optional: false,
  config: null,
  unsupported: [],
};

function override(decoding: Decoding, config: TypedConfig, optional: boolean, field: string): FilterOverride {
  const typeUrl = typeUrlOf(config.typeName);
  const common = { ...ENABLED, typeUrl, optional };
  const row = decoding.filters.overriddenBy(config.typeName);
  if (row?.override == null) {
    const support = doesNothing(config) ? 'skipped' : 'unknown';
    return { ...common, support, config: support === 'unknown' ? rawConfig(config) : null };
  }
  const unsupported: string[] = [];
  const decoded = row.override.decode(decoding, config, field, unsupported);
  return { ...common, filterTypeUrl: typeUrlOf(row.typeName), support: 'known', config: decoded, unsupported };
}
