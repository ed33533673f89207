import type { StringMatch } from '../model/matcher.ts';
import { asciiLower, asOnTheWire } from '../util/ascii.ts';
import type { Regex, RegexEngine } from '../util/regex.ts';

export type StringTest = (text: string) => boolean;

/** For texts that are no bytes of the wire: metadata, names. (envoy.type.matcher.v3.StringMatcher) */
export function compileString(match: StringMatch, engine: RegexEngine): StringTest {
  if (match.kind !== 'safe_regex') return compileLiteral(match, match.value);
  const matches = compileRegex(match.value, engine);
  return (text) => matches(asOnTheWire(text));
}

/** For headers, paths, queries and cookies: what an HTTP codec reads as latin1. */
export function compileWireString(match: StringMatch, engine: RegexEngine): StringTest {
  if (match.kind === 'safe_regex') return compileRegex(match.value, engine);
  return compileLiteral(match, asOnTheWire(match.value));
}

/** A pattern over bytes, compiled when it is first asked: a large table has thousands, and few of them are ever reached. */
export function compileRegex(pattern: string, engine: RegexEngine): StringTest {
  let regex: Regex | null = null;
  return (text) => {
    regex ??= engine.compile(pattern);
    return regex.matches(text);
  };
}

function compileLiteral({ kind, ignoreCase }: StringMatch, literal: string): StringTest {
  if (ignoreCase) {
    const test = compileTest(kind, asciiLower(literal));
    return (text) => test(asciiLower(text));
  }
  return compileTest(kind, literal);
}

function compileTest(kind: StringMatch['kind'], value: string): StringTest {
  switch (kind) {
    case 'prefix':
      return (text) => text.startsWith(value);
    case 'suffix':
      return (text) => text.endsWith(value);
    case 'contains':
      return (text) => text.includes(value);
    default:
      return (text) => text === value;
  }
}
