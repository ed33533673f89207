import type { Any } from '@bufbuild/protobuf/wkt';
import { typeUrlOf } from '@inmesh/api';
import type { FilterConfig } from '@inmesh/api/gen/envoy/config/route/v3/route_components_pb';
import type { RBAC } from '@inmesh/api/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb';
import type { HttpFilter } from '@inmesh/api/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import type { HttpFilterConfig } from '@inmesh/core';
import { type Decoding, Refusal, unpack } from './decoding.ts';
import { readTypedConfig, type TypedConfig } from './typed-config.ts';

const ROUTER = 'envoy.extensions.filters.http.router.v3.Router';

/** What ends a chain of filters inside a cluster. */
const UPSTREAM_CODEC = 'envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec';

const FILTER_CONFIG = 'envoy.config.route.v3.FilterConfig';

/**
 * The closed list of filters that may be left out though they have a configuration (DESIGN, decision 9): they observe, or answer
 * browsers, or prepare what is done elsewhere.
 */
const DECORATION: ReadonlySet<string> = new Set([
  'stats.PluginConfig',
  'io.istio.http.peer_metadata.Config',
  'istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig',
  'envoy.extensions.filters.http.grpc_stats.v3.FilterConfig',
  'envoy.extensions.filters.http.grpc_web.v3.GrpcWeb',
  'envoy.extensions.filters.http.cors.v3.Cors',
]);

/** Filters that do nothing until something is configured, here or for a route. */
const IDLE_WHEN_EMPTY: ReadonlySet<string> = new Set([
  'envoy.extensions.filters.http.fault.v3.HTTPFault',
  'envoy.extensions.filters.http.rbac.v3.RBAC',
  'envoy.extensions.filters.http.stateful_session.v3.StatefulSession',
]);

/** `http_filters` of a connection manager; the last must be the router. */
export function decodeHttpFilters(
  decoding: Decoding,
  filters: readonly HttpFilter[],
  field: string,
): HttpFilterConfig[] {
  const decoded = filters.map((filter, index) => decodeFilter(decoding, filter, `${field}[${index}]`));
  const last = filters.length - 1;
  for (const [index, filter] of decoded.entries()) {
    if (filter.support === 'terminal' && index !== last) {
      throw new Refusal(`${field}[${index}]`, `terminal filter ${filter.name} must be the last of the chain`);
    }
  }
  // A filter that this version does not know may be terminal; only what it knows it can blame.
  const end = decoded[last];
  if (end === undefined || end.support === 'skipped') {
    throw new Refusal(field, 'the last filter of the chain must be terminal, such as envoy.filters.http.router');
  }
  return decoded;
}

function decodeFilter(decoding: Decoding, filter: HttpFilter, field: string): HttpFilterConfig {
  if (filter.configType.case === 'configDiscovery') {
    const typeUrl = filter.configType.value.typeUrls[0] ?? '';
    return { name: filter.name, typeUrl, support: filter.disabled ? 'skipped' : 'refused' };
  }
  const config = readTypedConfig(filter.configType.value, `${field}.typed_config`);
  const typeUrl = config.typeName === '' ? '' : typeUrlOf(config.typeName);
  if (config.typeName === '' && !filter.isOptional && !filter.disabled) {
    throw new Refusal(`${field}.typed_config`, `filter ${filter.name} has no configuration, which tells its type`);
  }
  return { name: filter.name, typeUrl, support: supportOf(decoding, filter, config, field) };
}

function supportOf(
  decoding: Decoding,
  filter: HttpFilter,
  config: TypedConfig,
  field: string,
): HttpFilterConfig['support'] {
  if (config.typeName === ROUTER) {
    if (config.any !== null) unpack(decoding, config.any, ROUTER, `${field}.typed_config`);
    return 'terminal';
  }
  if (filter.disabled || doesNothing(decoding, config, `${field}.typed_config`)) return 'skipped';
  return filter.isOptional ? 'skipped' : 'refused';
}

function doesNothing(decoding: Decoding, config: TypedConfig, field: string): boolean {
  if (DECORATION.has(config.typeName)) return true;
  if (!IDLE_WHEN_EMPTY.has(config.typeName)) return false;
  if (config.empty) return true;
  if (config.any === null || config.typeName !== 'envoy.extensions.filters.http.rbac.v3.RBAC') return false;
  // Shadow rules only report.
  const rbac = unpack<RBAC>(decoding, config.any, config.typeName, field);
  return rbac.rules === undefined && rbac.matcher === undefined;
}

/**
 * `typed_per_filter_config` of a route, virtual host or weighted cluster: the entries that change what a call meets and that this
 * version cannot apply.
 */
export function refusedOverrides(
  decoding: Decoding,
  overrides: { readonly [filter: string]: Any },
  field: string,
): string[] {
  const refused: string[] = [];
  for (const [name, any] of Object.entries(overrides)) {
    const place = `${field}["${name}"]`;
    let config = readTypedConfig(any, place);
    let optional = false;
    if (config.any !== null && config.typeName === FILTER_CONFIG) {
      const wrapper = unpack<FilterConfig>(decoding, config.any, FILTER_CONFIG, place);
      // Disabling a filter for a route is done by leaving it out, as this version does with all that it may leave out.
      if (wrapper.disabled) continue;
      optional = wrapper.isOptional;
      config = readTypedConfig(wrapper.config, place);
    }
    if (config.typeName === '' || doesNothing(decoding, config, place)) continue;
    if (!optional) refused.push(place);
  }
  return refused;
}

/** `http_filters` of a cluster's HttpProtocolOptions: those that this version cannot apply. */
export function refusedUpstreamFilters(decoding: Decoding, filters: readonly HttpFilter[], field: string): string[] {
  return filters.flatMap((filter, index) => {
    const place = `${field}[${index}]`;
    if (filter.disabled) return [];
    if (filter.configType.case === 'configDiscovery') return [place];
    const config = readTypedConfig(filter.configType.value, `${place}.typed_config`);
    return config.typeName === UPSTREAM_CODEC || doesNothing(decoding, config, place) ? [] : [place];
  });
}
