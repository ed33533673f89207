import { create, fromBinary } from '@bufbuild/protobuf';
import { type Any, AnySchema } from '@bufbuild/protobuf/wkt';
import { messageType, registry, toJson, typeUrlOf } from '@inmesh/api';
import type { Router } from '@inmesh/api/gen/envoy/extensions/filters/http/router/v3/router_pb';
import type { HttpFilter } from '@inmesh/api/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import type { ExtensionConfig, HttpFilterConfig, RawFilterConfig, RouterConfig } from '@inmesh/core';
import { type Decoding, Refusal, unpack } from './decoding.ts';
import { decodeConfigDiscovery } from './extension-config.ts';
import { readTypedConfig, type TypedConfig } from './typed-config.ts';

const ROUTER = 'envoy.extensions.filters.http.router.v3.Router';

/** What ends a chain of filters inside a cluster. */
const UPSTREAM_CODEC = 'envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec';

/**
 * The closed list of filters that may be left out though they have a configuration (DESIGN, decision 9): they observe, or prepare what is done elsewhere.
 */
const DECORATION: ReadonlySet<string> = new Set([
  'stats.PluginConfig',
  'envoy.extensions.filters.http.grpc_stats.v3.FilterConfig',
  'envoy.extensions.filters.http.grpc_web.v3.GrpcWeb',
  'envoy.extensions.filters.http.on_demand.v3.OnDemand',
  'envoy.extensions.filters.http.on_demand.v3.PerRouteConfig',
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
  if (
    end === undefined ||
    (end.support !== 'terminal' &&
      ((end.support !== 'unknown' && end.support !== 'missing') || end.optional || end.disabled))
  ) {
    throw new Refusal(field, 'the last filter of the chain must be terminal, such as envoy.filters.http.router');
  }
  return decoded;
}

function decodeFilter(decoding: Decoding, filter: HttpFilter, field: string): HttpFilterConfig {
  const { name, disabled, isOptional: optional, configType } = filter;
  const common = { name, disabled, optional, unsupported: [] };
  if (configType.case === 'configDiscovery') {
    const place = `${field}.config_discovery`;
    const discovery = decodeConfigDiscovery(name, configType.value, place);
    const typeUrl = typeUrlOf(discovery.typeNames[0] ?? '');
    const entry: HttpFilterConfig = { ...common, typeUrl, support: 'missing', config: null, discovery };
    if (discovery.defaultConfig !== null) {
      configureFilter(decoding, entry, discovery.defaultConfig, `${place}.default_config`);
    }
    return entry;
  }
  const place = `${field}.typed_config`;
  const config = readTypedConfig(configType.value, place);
  if (config.typeName !== '') return configured(decoding, common, config, place);
  if (!optional && !disabled) {
    throw new Refusal(place, `filter ${name} has no configuration, which tells its type`);
  }
  return { ...common, typeUrl: '', support: 'unknown', config: rawConfig(config) };
}

/** An entry with the configuration that came for it on its own. Throws a Refusal. */
export function configureFilter(
  decoding: Decoding,
  { name, disabled, optional, discovery }: HttpFilterConfig,
  { typeName, message, struct }: ExtensionConfig,
  field: string,
): HttpFilterConfig {
  const any = message === null ? null : create(AnySchema, { typeUrl: typeUrlOf(typeName), value: message });
  const empty = (message?.length ?? Object.keys(struct ?? {}).length) === 0;
  const config: TypedConfig = { typeName, any, struct: struct as TypedConfig['struct'], empty };
  const entry = configured(decoding, { name, disabled, optional, unsupported: [] }, config, field);
  return discovery === undefined ? entry : { ...entry, discovery };
}

function configured(
  decoding: Decoding,
  common: Pick<HttpFilterConfig, 'name' | 'disabled' | 'optional' | 'unsupported'>,
  config: TypedConfig,
  field: string,
): HttpFilterConfig {
  const typeUrl = typeUrlOf(config.typeName);
  if (config.typeName === ROUTER) {
    const router = config.any === null ? null : unpack<Router>(decoding, config.any, ROUTER, field);
    const decoded: RouterConfig = { suppressEnvoyHeaders: router?.suppressEnvoyHeaders ?? false };
    return { ...common, typeUrl, support: 'terminal', config: decoded };
  }
  const row = decoding.filters.find(config.typeName);
  if (row !== null) {
    const unsupported: string[] = [];
    const decoded = row.decode(decoding, config, field, unsupported);
    return { ...common, typeUrl, support: 'known', config: decoded, unsupported };
  }
  const support = doesNothing(config) ? 'skipped' : 'unknown';
  return { ...common, typeUrl, support, config: rawConfig(config) };
}

/** What a filter of the application's own is handed. */
export function rawConfig({ typeName, any, struct }: TypedConfig): RawFilterConfig {
  if (any === null) return { json: struct, bytes: null };
  // A copy: the value must not keep the whole response alive.
  return { json: messageAsJson(typeName, any), bytes: Uint8Array.from(any.value) };
}

function messageAsJson(typeName: string, any: Any): unknown {
  if (registry().getMessage(typeName) === undefined) return null;
  const type = messageType(typeName);
  try {
    return toJson(type, fromBinary(type, any.value), { useProtoFieldName: true });
  } catch {
    return null;
  }
}

/** True for what may be left out wherever it stands: nothing that a call meets depends on it. */
export function doesNothing({ typeName }: TypedConfig): boolean {
  return DECORATION.has(typeName);
}

/** `http_filters` of a cluster's HttpProtocolOptions: those that this version cannot apply. */
export function refusedUpstreamFilters(filters: readonly HttpFilter[], field: string): string[] {
  return filters.flatMap((filter, index) => {
    const place = `${field}[${index}]`;
    if (filter.disabled) return [];
    if (filter.configType.case === 'configDiscovery') return [place];
    const config = readTypedConfig(filter.configType.value, `${place}.typed_config`);
    return config.typeName === UPSTREAM_CODEC || doesNothing(config) ? [] : [place];
  });
}
