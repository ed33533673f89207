import type { PathMatch } from '../model/route.ts';
import type { RegexEngine } from '../util/regex.ts';

/** Tells whether a path, without its query string, is the route's. */
export type PathMatcher = (path: string) => boolean;

export function compilePath(match: PathMatch, engine: RegexEngine): PathMatcher {
  const { value, caseSensitive } = match;
  if (!caseSensitive && match.kind !== 'safe_regex') {
    const matches = compilePath({ ...match, value: value.toLowerCase(), caseSensitive: true }, engine);
    return (path) => matches(path.toLowerCase());
  }
  switch (match.kind) {
    case 'prefix':
      return value === '/' ? startsWithSlash : (path) => path.startsWith(value);
    case 'path':
      return (path) => path === value;
    case 'path_separated_prefix':
      return (path) =>
        path.startsWith(value) && (path.length === value.length || path.charCodeAt(value.length) === SLASH);
    case 'safe_regex': {
      const regex = engine.compile(value);
      return (path) => regex.matches(path);
    }
  }
}

const SLASH = 47;

function startsWithSlash(path: string): boolean {
  return path.charCodeAt(0) === SLASH;
}

/** What routes match: the path before `?` and `#`. */
export function pathOnly(path: string): string {
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i);
    if (code === 63 || code === 35) return path.slice(0, i);
  }
  return path;
}
