import type { Any } from '@bufbuild/protobuf/wkt';
import type {
  Route as ProtoRoute,
  RouteList as ProtoRouteList,
  VirtualHost as ProtoVirtualHost,
} from '@inmesh/api/gen/envoy/config/route/v3/route_components_pb';
import type { FilterStateInput } from '@inmesh/api/gen/envoy/extensions/matching/common_inputs/network/v3/network_inputs_pb';
import type { HttpRequestHeaderMatchInput } from '@inmesh/api/gen/envoy/type/matcher/v3/http_inputs_pb';
import type { MatcherNode, MatchInput, Route } from '@inmesh/core';
import { type Decoding, Refusal, unpack } from './decoding.ts';
import { decodeMatcherTree } from './matcher-tree.ts';
import { UnsupportedMatcher } from './matchers.ts';
import { readTypedConfig } from './typed-config.ts';

const ROUTE = 'envoy.config.route.v3.Route';
const ROUTE_LIST = 'envoy.config.route.v3.RouteList';
const REQUEST_HEADER = 'envoy.type.matcher.v3.HttpRequestHeaderMatchInput';
const FILTER_STATE = 'envoy.extensions.matching.common_inputs.network.v3.FilterStateInput';

/** Inputs that Envoy takes in every context and this version lacks; of the others it refuses all in a route table. */
const LACKING: ReadonlySet<string> = new Set([
  'envoy.extensions.matching.common_inputs.environment_variable.v3.Config',
]);

export interface DecodedTree {
  /** All routes of the tree's actions. */
  readonly routes: readonly Route[];
  /** Null where the tree needs what this version lacks, which `others` names. */
  readonly matcher: MatcherNode<readonly number[]> | null;
  readonly others: readonly string[];
}

/** The routes of a virtual host that has a tree instead of a list. (envoy.config.route.v3.VirtualHost.matcher) */
export function decodeRouteTree(
  decoding: Decoding,
  host: ProtoVirtualHost,
  read: (route: ProtoRoute, field: string) => Route | null,
  field: string,
): DecodedTree {
  if (host.matcher === undefined) return { routes: [], matcher: null, others: [] };
  if (host.routes.length > 0) throw new Refusal(field, 'cannot set both matcher and routes on virtual host');
  const routes: Route[] = [];
  const place = `${field}.matcher`;
  const owner = {
    keepMatching: false,
    input: (config: Any | undefined, at: string) => readInput(decoding, config, at),
    action: (config: Any | undefined, at: string) =>
      readRoutes(decoding, config, at).flatMap(([route, its]) => {
        const decoded = read(route, its);
        return decoded === null ? [] : [routes.push(decoded) - 1];
      }),
  };
  try {
    return { matcher: decodeMatcherTree(decoding, host.matcher, owner, place), routes, others: [] };
  } catch (error) {
    if (!(error instanceof UnsupportedMatcher)) throw error;
    return { routes: [], matcher: null, others: [`matcher${error.field.slice(place.length)}`] };
  }
}

function readRoutes(decoding: Decoding, config: Any | undefined, field: string): [ProtoRoute, string][] {
  const { any, typeName } = readTypedConfig(config, field);
  if (any !== null && typeName === ROUTE) return [[unpack<ProtoRoute>(decoding, any, ROUTE, field), field]];
  if (any !== null && typeName === ROUTE_LIST) {
    const { routes } = unpack<ProtoRouteList>(decoding, any, ROUTE_LIST, field);
    return routes.map((route, index) => [route, `${field}.routes[${index}]`]);
  }
  throw new Refusal(field, `${typeName} is no action of a route table: only ${ROUTE} and ${ROUTE_LIST} are`);
}

function readInput(decoding: Decoding, config: Any | undefined, field: string): MatchInput | null {
  const { any, typeName } = readTypedConfig(config, field);
  if (any !== null && typeName === REQUEST_HEADER) {
    const { headerName } = unpack<HttpRequestHeaderMatchInput>(decoding, any, REQUEST_HEADER, field);
    return { kind: 'request_header', name: headerName.toLowerCase() };
  }
  if (any !== null && typeName === FILTER_STATE) {
    const input = unpack<FilterStateInput>(decoding, any, FILTER_STATE, field);
    return input.field === '' ? { kind: 'filter_state', key: input.key } : null;
  }
  if (LACKING.has(typeName)) return null;
  throw new Refusal(field, `a route table can only match on request headers, not on ${typeName}`);
}
