import type { SanType, SubjectAltNameMatcher } from '../model/secret.ts';
import { asciiLower, asOnTheWire } from '../util/ascii.ts';
import type { RegexEngine } from '../util/regex.ts';
import { dnsNameCovers } from './dns-name.ts';

/** One name that a certificate is for. */
export interface SubjectAltName {
  /** Null for a kind that no matcher is for. */
  readonly type: SanType | null;
  /** Bytes (latin1). */
  readonly value: string;
  /** Type of an `other_name`; empty for the rest. */
  readonly oid: string;
}

/**
 * Whether one name of a certificate fits one of the matchers, as Envoy verifies it: the chain was verified before, and the
 * name that was dialled plays no part. A pattern that is none throws a RegexError.
 */
export function compileSubjectAltNames(
  matchers: readonly SubjectAltNameMatcher[],
  engine: RegexEngine,
): (names: readonly SubjectAltName[]) => boolean {
  const tests = matchers.map((matcher) => compileMatcher(matcher, engine));
  return (names) => names.some((name) => tests.some((test) => test(name)));
}

/** Whether the certificate is for one of these hosts or identities, whatever kind of name has it. (`auto_san_validation`) */
export function namesInclude(names: readonly SubjectAltName[], expected: readonly string[]): boolean {
  const wanted = expected.map(asOnTheWire);
  return names.some(
    ({ type, value }) =>
      type !== null && wanted.some((each) => (type === 'dns' ? dnsNameCovers(value, each) : value === each)),
  );
}

type Test = (name: SubjectAltName) => boolean;

function compileMatcher({ sanType, match, value, ignoreCase, oid }: SubjectAltNameMatcher, engine: RegexEngine): Test {
  const matches = compileText(match, value, ignoreCase, engine);
  return (name) => {
    if (name.type === null || (sanType === null ? name.type === 'other_name' : sanType !== name.type)) return false;
    if (name.type === 'other_name' && name.oid !== oid) return false;
    // A wildcard in the certificate stands for the name that is asked for, and in no other comparison.
    if (match === 'exact' && name.type === 'dns') return dnsNameCovers(name.value, value);
    return matches(name.value);
  };
}

function compileText(
  match: SubjectAltNameMatcher['match'],
  value: string,
  ignoreCase: boolean,
  engine: RegexEngine,
): (text: string) => boolean {
  if (match === 'safe_regex') {
    const regex = engine.compile(value);
    return (text) => regex.matches(text);
  }
  const fold = (text: string): string => (ignoreCase ? asciiLower(text) : text);
  const wanted = fold(asOnTheWire(value));
  switch (match) {
    case 'exact':
      return (text) => fold(text) === wanted;
    case 'prefix':
      return (text) => fold(text).startsWith(wanted);
    case 'suffix':
      return (text) => fold(text).endsWith(wanted);
    case 'contains':
      return (text) => fold(text).includes(wanted);
  }
}
