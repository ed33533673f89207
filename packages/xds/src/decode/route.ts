import type { Route as ProtoRoute } from '@inmesh/api/gen/envoy/config/route/v3/route_components_pb';
import { ROUTE_DEFAULTS, type Route, type RouteAction } from '@inmesh/core';
import { specifierOf } from './cluster-specifier.ts';
import { type Decoding, otherFields, Refusal } from './decoding.ts';
import { decodeFilterOverrides } from './filter-overrides.ts';
import { decodeMessageMutations, MUTATION_FIELDS } from './header-mutation.ts';
import { decodeRedirect } from './rewrite.ts';
import { decodeAction, decodeDirectResponse, type RouteScope } from './route-action.ts';
import { decodeMatch } from './route-match.ts';

/** Fields that this version honours, and those that it may leave out because no call is decided by them. */
const ROUTE_FIELDS: ReadonlySet<string> = new Set([
  'name',
  'match',
  'route',
  'direct_response',
  'redirect',
  'metadata',
  ...MUTATION_FIELDS,
  'typed_per_filter_config', // read entry by entry
  'decorator',
  'tracing',
  'stat_prefix',
  'per_request_buffer_limit_bytes',
  'request_body_buffer_limit',
]);

/** Null for a route that is to be left out, because its cluster is chosen by a plugin that this version lacks and that is optional. (gRFC A48) */
export function decodeRoute(decoding: Decoding, message: ProtoRoute, scope: RouteScope, field: string): Route | null {
  const unsupported = [...scope.unsupported, ...otherFields(message, ROUTE_FIELDS)];
  if (message.match === undefined) throw new Refusal(`${field}.match`, 'value is required');
  const { path, conditions, others } = decodeMatch(decoding, message.match, `${field}.match`);
  unsupported.push(...others);
  refusePrefixRewrite(message, field);
  let action: RouteAction = { kind: 'refused' };
  if (message.action.case === 'route') {
    const plugin = specifierOf(decoding, message.action.value, scope.specifiers, `${field}.route`);
    if (plugin?.kind === 'skipped') return null;
    action = decodeAction(decoding, message.action.value, path, plugin, unsupported, `${field}.route`) ?? action;
  } else if (message.action.case === 'redirect') {
    action = decodeRedirect(decoding, message.action.value, `${field}.redirect`);
  } else if (message.action.case === 'directResponse') {
    action = decodeDirectResponse(decoding, message.action.value, scope, `${field}.direct_response`);
  }
  return {
    name: message.name,
    path,
    conditions,
    action,
    unsupported,
    metadata: message.metadata?.filterMetadata ?? {},
    mutations: decodeMessageMutations(message, `${field}.`),
    ...decodeFilterOverrides(decoding, message.typedPerFilterConfig, `${field}.typed_per_filter_config`),
  };
}

/** A path that a policy matches has no prefix to put another in the place of. */
function refusePrefixRewrite({ match, action }: ProtoRoute, field: string): void {
  if (match?.pathSpecifier.case !== 'pathMatchPolicy') return;
  const why = 'cannot be used with match.path_match_policy';
  if (action.case === 'route' && action.value.prefixRewrite !== '') {
    throw new Refusal(`${field}.route.prefix_rewrite`, why);
  }
  if (action.case === 'redirect' && action.value.pathRewriteSpecifier.case === 'prefixRewrite') {
    throw new Refusal(`${field}.redirect.prefix_rewrite`, why);
  }
}

/** A route that takes every path and answers none: it stands for what could not be read. */
export function refusedRoute(unsupported: readonly string[]): Route {
  return { ...ROUTE_DEFAULTS, path: null, action: { kind: 'refused' }, unsupported };
}
