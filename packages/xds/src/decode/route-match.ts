import type { RouteMatch } from '@inmesh/api/gen/envoy/config/route/v3/route_components_pb';
import type { PathMatch } from '@inmesh/core';
import { type Decoding, otherFields, requireRegex } from './decoding.ts';

/** Fields that this version honours. */
const MATCH_FIELDS: ReadonlySet<string> = new Set([
  'prefix',
  'path',
  'path_separated_prefix',
  'safe_regex',
  'case_sensitive',
]);

export function decodeMatch(
  decoding: Decoding,
  match: RouteMatch | undefined,
  field: string,
): {
  readonly path: PathMatch | null;
  readonly others: readonly string[];
} {
  if (match === undefined) return { path: null, others: ['match'] };
  const others = otherFields(match, MATCH_FIELDS).map((name) => `match.${name}`);
  const caseSensitive = match.caseSensitive ?? true;
  const specifier = match.pathSpecifier;
  switch (specifier.case) {
    case 'prefix':
      return { path: { kind: 'prefix', value: specifier.value, caseSensitive }, others };
    case 'path':
      return { path: { kind: 'path', value: specifier.value, caseSensitive }, others };
    case 'pathSeparatedPrefix':
      return { path: { kind: 'path_separated_prefix', value: specifier.value, caseSensitive }, others };
    case 'safeRegex': {
      const value = requireRegex(decoding, specifier.value.regex, `${field}.safe_regex.regex`);
      return { path: { kind: 'safe_regex', value, caseSensitive: true }, others };
    }
    default:
      return { path: null, others };
  }
}
