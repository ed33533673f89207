import type { Head } from '../call.ts';
import type { HeaderMatch } from '../model/matcher.ts';
import type { RegexEngine } from '../util/regex.ts';
import { compileWireString, type StringTest } from './string-match.ts';

export type HeaderTest = (head: Head) => boolean;

/**
 * A header of the request. Where it comes several times, one value that matches is enough, and each counts for itself: Envoy 1.40 joins
 * none. `invert` inverts that; what is missing matches nothing but `present`, also inverted, unless it counts as empty.
 * (envoy.config.route.v3.HeaderMatcher)
 */
export function compileHeader(match: HeaderMatch, engine: RegexEngine): HeaderTest {
  const { name, test, invert, treatMissingAsEmpty } = match;
  if (test.kind === 'present') {
    const { present } = test;
    return (head) => ((treatMissingAsEmpty || hasHeader(head, name)) === present) !== invert;
  }
  const matches = compileValue(test, engine);
  const missing = treatMissingAsEmpty && matches('') !== invert;
  if (pseudoHeaders.has(name)) return (head) => matches(pseudoHeader(head, name)) !== invert;
  return ({ headers, upgrade }) => {
    const seen = headers.test(name, matches);
    if (seen !== null) return seen !== invert;
    return name === 'upgrade' && upgrade !== null ? matches(upgrade) !== invert : missing;
  };
}

function compileValue(test: Exclude<HeaderMatch['test'], { kind: 'present' }>, engine: RegexEngine): StringTest {
  switch (test.kind) {
    case 'string': {
      const matches = compileWireString(test.match, engine);
      return (value) => matches(trimmed(value));
    }
    case 'range':
      return (value) => isWithin(value, test.start, test.end);
    case 'any':
      return () => true;
  }
}

/** Codecs trim values; those of a caller in this process come as he wrote them. */
export function trimmed(value: string): string {
  return isBlank(value.charCodeAt(0)) || isBlank(value.charCodeAt(value.length - 1)) ? value.trim() : value;
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}

/** A whole number with or without a sign, as absl::SimpleAtoi reads it; what does not fit 64 bits is none. */
function isWithin(value: string, start: bigint, end: bigint): boolean {
  const text = value.trim();
  if (text.length > 64 || !/^[+-]?\d+$/.test(text)) return false;
  const number = BigInt(text.startsWith('+') ? text.slice(1) : text);
  return number >= start && number < end && BigInt.asIntN(64, number) === number;
}

/** `host` is what HTTP/1 calls `:authority`. */
const pseudoHeaders: ReadonlySet<string> = new Set([':method', ':path', ':authority', ':scheme', 'host']);

export function isPseudoHeader(name: string): boolean {
  return pseudoHeaders.has(name);
}

/** A value of the head that is none of the headers; '' for a name of no such value. */
export function pseudoHeader(head: Head, name: string): string {
  switch (name) {
    case ':method':
      return head.method;
    case ':path':
      return head.path;
    case ':scheme':
      return head.scheme;
    case ':authority':
    case 'host':
      return head.authority;
    default:
      return '';
  }
}

function hasHeader(head: Head, name: string): boolean {
  return pseudoHeaders.has(name) || head.headers.has(name) || (name === 'upgrade' && head.upgrade !== null);
}

/** All values of a header in one, joined by commas: what the inputs of a matcher tree see. Undefined where there is none. */
export function headerText(head: Head, name: string): string | undefined {
  if (pseudoHeaders.has(name)) return pseudoHeader(head, name);
  let joined: string | undefined;
  head.headers.test(name, (value) => {
    joined = joined === undefined ? value : `${joined},${value}`;
    return false;
  });
  return joined ?? (name === 'upgrade' && head.upgrade !== null ? head.upgrade : undefined);
}
