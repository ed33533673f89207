import {
  compileSubjectAltNames,
  type ExpectedNames,
  namesInclude,
  type RegexEngine,
  type SubjectAltNameMatcher,
} from '@inmesh/core';
import type { PeerRefusal } from '../tls-material.ts';
import { materialError } from './config-error.ts';
import { type Peer, presented, refusal } from './peer.ts';

/** Judges the names of a peer, by the rules of the feed and by what a call expects. */
export type NameJudge = (peer: Peer, expected: ExpectedNames | null) => PeerRefusal | null;

/** Throws for a pattern that is none. */
export function nameJudge(matchers: readonly SubjectAltNameMatcher[], regex: RegexEngine, place: string): NameJudge {
  const matches = matchers.length === 0 ? null : compiled(matchers, regex, place);
  const wanted = matchers.map(describeMatcher).join(' or ');
  return (peer, expected) => {
    const { names } = peer.leaf;
    if (expected !== null) {
      const asked = expected.rule === 'also' ? names : names.filter(({ type }) => type === 'dns');
      if (!namesInclude(asked, expected.names)) return refuseNames(peer, expected.names.join(' or '));
      if (expected.rule === 'instead') return null;
    }
    return matches === null || matches(names) ? null : refuseNames(peer, wanted);
  };
}

function refuseNames(peer: Peer, wanted: string): PeerRefusal {
  return refusal('fail_verify_san', `${presented(peer)}, where ${wanted} is expected`);
}

function compiled(matchers: readonly SubjectAltNameMatcher[], regex: RegexEngine, place: string) {
  try {
    return compileSubjectAltNames(matchers, regex);
  } catch (cause) {
    throw materialError(place, `a matcher of names cannot be used: ${(cause as Error).message}`, cause);
  }
}

function describeMatcher({ sanType, match, value, ignoreCase }: SubjectAltNameMatcher): string {
  const kind = sanType === null ? '' : `${sanType} `;
  const how = match === 'exact' ? '' : `${match} `;
  return `${kind}${how}${value}${ignoreCase ? ' in any case' : ''}`;
}
