import type { Any } from '@bufbuild/protobuf/wkt';
import { messageType } from '@inmesh/api';
import type { FilterConfig } from '@inmesh/api/gen/envoy/config/route/v3/route_components_pb';
import type { HttpFilter } from '@inmesh/api/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { type Decoding, Refusal, unpackUnchecked } from '../decoding.ts';
import { readTypedConfig } from '../typed-config.ts';

const FILTERS = 'envoy.extensions.filters.http.';
const ROUTER = `${FILTERS}router.v3.Router`;
const FILTER_CONFIG = 'envoy.config.route.v3.FilterConfig';

/** The filters that a gRFC describes, each with the sides that it is for: A33, A36, A39, A41, A55, A83. */
const KNOWN: ReadonlyMap<string, 'client' | 'server' | 'both'> = new Map([
  [ROUTER, 'both'],
  [`${FILTERS}fault.v3.HTTPFault`, 'client'],
  [`${FILTERS}rbac.v3.RBAC`, 'server'],
  [`${FILTERS}stateful_session.v3.StatefulSession`, 'client'],
  [`${FILTERS}gcp_authn.v3.GcpAuthnFilterConfig`, 'client'],
]);

/** Overrides have types of their own, but for faults. */
const KNOWN_OVERRIDES: ReadonlySet<string> = new Set([
  `${FILTERS}fault.v3.HTTPFault`,
  `${FILTERS}rbac.v3.RBACPerRoute`,
  `${FILTERS}stateful_session.v3.StatefulSessionPerRoute`,
]);

/** gRFC A39: names are given and unique, types are known unless optional, the router stands last and nowhere else. */
export function requireFilters(
  decoding: Decoding,
  filters: readonly HttpFilter[],
  field: string,
  side: 'client' | 'server',
): void {
  const names = new Set<string>();
  let previous: string | null = null;
  for (const [index, filter] of filters.entries()) {
    const place = `${field}[${index}]`;
    if (filter.name === '') throw new Refusal(`${place}.name`, 'is empty');
    if (names.has(filter.name)) throw new Refusal(`${place}.name`, `duplicate filter name ${filter.name}`);
    names.add(filter.name);
    const { typeName, any } = readTypedConfig(typedConfigOf(filter), `${place}.typed_config`);
    const sides = KNOWN.get(typeName);
    if (sides !== 'both' && sides !== side) {
      if (filter.isOptional) continue;
      const problem = sides === undefined ? 'no filter of gRPC' : `not supported on the ${side} side`;
      throw new Refusal(`${place}.typed_config`, `${typeName === '' ? 'is missing' : typeName}: ${problem}`);
    }
    if (any !== null) parse(decoding, any, typeName, `${place}.typed_config`);
    if (previous === ROUTER) {
      throw new Refusal(field, 'the router is a terminal filter but it is not last in the filter chain');
    }
    previous = typeName;
  }
  if (previous === null) throw new Refusal(field, 'http filters list is empty');
  if (previous !== ROUTER) throw new Refusal(field, 'the last filter of the chain is not a terminal filter');
}

/** `typed_per_filter_config`: the same for overrides, by `FilterConfig.is_optional`. */
export function requireOverrides(
  decoding: Decoding,
  overrides: { readonly [filter: string]: Any },
  field: string,
): void {
  for (const [name, outer] of Object.entries(overrides)) {
    const place = `${field}["${name}"]`;
    let config = readTypedConfig(outer, place);
    let optional = false;
    if (config.any !== null && config.typeName === FILTER_CONFIG) {
      const wrapper = unpackUnchecked<FilterConfig>(config.any, FILTER_CONFIG, place);
      // A39 lets a feed switch a filter off for a route.
      if (wrapper.disabled) continue;
      optional = wrapper.isOptional;
      config = readTypedConfig(wrapper.config, place);
    }
    if (KNOWN_OVERRIDES.has(config.typeName)) {
      if (config.any !== null) parse(decoding, config.any, config.typeName, place);
    } else if (!optional) {
      throw new Refusal(place, `${config.typeName === '' ? 'is missing' : config.typeName}: no filter of gRPC`);
    }
  }
}

function typedConfigOf({ configType }: HttpFilter): Any | undefined {
  return configType.case === 'typedConfig' ? configType.value : undefined;
}

/** What a filter can make no sense of refuses the resource. */
function parse(decoding: Decoding, any: Any, typeName: string, field: string): void {
  const message = unpackUnchecked(any, typeName, field);
  const violation = decoding.validate(messageType(typeName), message);
  if (violation !== null) throw new Refusal(`${field}.${violation.field}`, violation.problem);
}
