import type { PathMatch } from '../model/route.ts';
import { asciiLower, asOnTheWire } from '../util/ascii.ts';
import type { RegexEngine } from '../util/regex.ts';
import { compileRegex } from './string-match.ts';
import { uriTemplatePattern } from './uri-template.ts';

/** Tells whether a path, without its query string, is the route's; `connect_matcher` looks at no path. */
export type PathMatcher = (path: string) => boolean;

export function compilePath(match: PathMatch, engine: RegexEngine): PathMatcher {
  const { kind } = match;
  if (kind === 'connect_matcher') return () => true;
  if (kind === 'safe_regex') return compileRegex(match.value, engine);
  if (kind === 'uri_template') return compileTemplate(match.value, engine);
  const value = asOnTheWire(match.value);
  if (match.caseSensitive) return compileLiteral(kind, value);
  const matches = compileLiteral(kind, asciiLower(value));
  return (path) => matches(asciiLower(path));
}

function compileLiteral(kind: 'prefix' | 'path' | 'path_separated_prefix', value: string): PathMatcher {
  switch (kind) {
    case 'prefix':
      return value === '/' ? startsWithSlash : (path) => path.startsWith(value);
    case 'path':
      return (path) => path === value;
    case 'path_separated_prefix':
      return (path) =>
        path.startsWith(value) && (path.length === value.length || path.charCodeAt(value.length) === SLASH);
  }
}

/** Letter case always counts in a template. One that Envoy takes on though its pattern is none, such as `/***`, matches nothing. */
function compileTemplate(template: string, engine: RegexEngine): PathMatcher {
  let matches: PathMatcher | null = null;
  return (path) => {
    matches ??= templateMatcher(template, engine);
    return matches(path);
  };
}

function templateMatcher(template: string, engine: RegexEngine): PathMatcher {
  try {
    const regex = engine.compile(uriTemplatePattern(template));
    return (path) => regex.matches(path);
  } catch {
    return () => false;
  }
}

const SLASH = 47;
const SEMICOLON = 59;

function startsWithSlash(path: string): boolean {
  return path.charCodeAt(0) === SLASH;
}

/** What routes match: the path before `?` and `#`, and before `;` where path parameters are ignored. */
export function pathOnly(path: string, ignoreParameters = false): string {
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i);
    if (code === 63 || code === 35 || (ignoreParameters && code === SEMICOLON)) return path.slice(0, i);
  }
  return path;
}
