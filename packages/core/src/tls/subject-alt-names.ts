import type { SanType, SubjectAltNameMatcher } from '../model/secret.ts';
import type { RegexEngine } from '../util/regex.ts';

/** One name that a certificate is for. */
export interface SubjectAltName {
  /** Null for a kind that no matcher is for. */
  readonly type: SanType | null;
  readonly value: string;
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

type Test = (name: SubjectAltName) => boolean;

function compileMatcher({ sanType, match, value, ignoreCase }: SubjectAltNameMatcher, engine: RegexEngine): Test {
  const matches = compileText(match, value, ignoreCase, engine);
  return (name) => {
    if (name.type === null || (sanType !== null && sanType !== name.type)) return false;
    // A wildcard in the certificate stands for the name that is asked for, and in no other comparison.
    if (match === 'exact' && name.type === 'dns' && name.value.startsWith('*.')) return coversHost(name.value, value);
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
  const fold = (text: string): string => (ignoreCase ? text.toLowerCase() : text);
  const wanted = fold(value);
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

/** `*.example.com` covers one label: not `example.com`, and not `a.b.example.com`. */
function coversHost(wildcard: string, host: string): boolean {
  const dot = host.indexOf('.');
  return dot > 0 && host.slice(dot).toLowerCase() === wildcard.slice(1).toLowerCase();
}
