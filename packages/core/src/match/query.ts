import type { QueryParameterMatch } from '../model/matcher.ts';
import { asOnTheWire } from '../util/ascii.ts';
import type { RegexEngine } from '../util/regex.ts';
import { compileWireString } from './string-match.ts';

/** `path` with its query string. (envoy.config.route.v3.QueryParameterMatcher) */
export function compileQueryParameter(
  { name, test }: QueryParameterMatch,
  engine: RegexEngine,
): (path: string) => boolean {
  const key = asOnTheWire(name);
  if (test.kind === 'present') return (path) => (queryParameter(path, key) !== undefined) === test.present;
  const matches = compileWireString(test.match, engine);
  return (path) => {
    const value = queryParameter(path, key);
    return value !== undefined && matches(value);
  };
}

/** The first value of a parameter: `''` where it has none. Nothing is decoded, as in Envoy: `%61` is no `a`. */
export function queryParameter(path: string, name: string): string | undefined {
  let at = path.indexOf('?');
  while (at >= 0) {
    at++;
    const next = path.indexOf('&', at);
    const end = next < 0 ? path.length : next;
    const after = at + name.length;
    if (after <= end && path.startsWith(name, at)) {
      if (after === end) return '';
      if (path.charCodeAt(after) === EQUALS) return path.slice(after + 1, end);
    }
    at = next;
  }
  return undefined;
}

const EQUALS = 61;
