import type { Headers } from '../headers.ts';
import type { CookieMatch } from '../model/matcher.ts';
import { asOnTheWire } from '../util/ascii.ts';
import type { RegexEngine } from '../util/regex.ts';
import { compileWireString } from './string-match.ts';

/** envoy.config.route.v3.CookieMatcher */
export function compileCookie(
  { name, match, invert }: CookieMatch,
  engine: RegexEngine,
): (headers: Headers) => boolean {
  const key = asOnTheWire(name);
  const matches = compileWireString(match, engine);
  return (headers) => {
    const value = cookie(headers, key);
    return (value !== undefined && matches(value)) !== invert;
  };
}

/**
 * The first cookie of that name in any of the `cookie` headers, without the quotes around it. As Envoy reads them: blanks before a name
 * do not count, those around its value do, and one without `=` is none.
 */
export function cookie(headers: Headers, name: string): string | undefined {
  let found: string | undefined;
  headers.test('cookie', (header) => {
    found = cookieIn(header, name);
    return found !== undefined;
  });
  return found;
}

function cookieIn(header: string, name: string): string | undefined {
  let at = 0;
  while (at < header.length) {
    const next = header.indexOf(';', at);
    const end = next < 0 ? header.length : next;
    while (at < end && isBlank(header.charCodeAt(at))) at++;
    if (header.startsWith(name, at) && header.charAt(at + name.length) === '=' && at + name.length < end) {
      return unquoted(header.slice(at + name.length + 1, end));
    }
    at = end + 1;
  }
  return undefined;
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}

function unquoted(value: string): string {
  return value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
}
