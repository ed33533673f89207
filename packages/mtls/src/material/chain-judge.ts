import type { Clock } from '@inmesh/core';
import type { PeerRefusal } from '../tls-material.ts';
import { judgePath, type PathRules } from '../x509/path.ts';
import { weaknessOf } from '../x509/signature-algorithms.ts';
import { opensslText } from './openssl-text.ts';
import { type Peer, presented, refusal } from './peer.ts';
import type { ReadValidation } from './read-parts.ts';
import { type ReadTrust, readTrust, type Trust } from './trust.ts';

/** Judges who has issued a peer's certificate, and whether it is good now. */
export type ChainJudge = (peer: Peer) => PeerRefusal | null;

/** OpenSSL's limit, which is Envoy's too. */
const DEFAULT_DEPTH = 100;

/**
 * By the verdict of OpenSSL, wherever it can judge by the rules. Where it cannot, the path is judged here as well, or instead: OpenSSL
 * checks the validity, and through Node it can neither leave that out nor look at the revocation of the leaf alone; and of what it has
 * against a chain it tells the last thing only, so that an expired certificate hides that a stranger has signed it.
 */
export function chainJudge({ rules }: ReadValidation, trust: Trust, clock: Clock): ChainJudge {
  const bothMustAgree = opensslJudges(rules);
  const own =
    bothMustAgree && rules.maxVerifyDepth === null ? null : pathJudge(rules, trust, rules.systemRootCerts, clock);
  return (peer) => {
    if (bothMustAgree && peer.chainError !== null)
      return refuseChain(peer, opensslProblem(peer, peer.chainError), trust.place);
    const problem = own?.(peer) ?? null;
    return problem === null ? null : refuseChain(peer, problem, trust.place);
  };
}

/** Whether OpenSSL can judge by these rules, in what Node lets be told to it. */
export function opensslJudges(rules: ReadValidation['rules']): boolean {
  return !rules.allowExpiredCertificate && !rules.onlyVerifyLeafCertCrl;
}

/** Why there is no path from a peer to these roots; null where there is one. */
export function pathJudge(
  rules: ReadValidation['rules'],
  trust: Trust,
  lenient: boolean,
  clock: Clock,
): (peer: Peer) => string | null {
  const { roots, revocationLists }: ReadTrust = readTrust(trust, lenient);
  const revocation =
    revocationLists.length === 0
      ? null
      : { lists: revocationLists, leafOnly: rules.onlyVerifyLeafCertCrl, everyIssuer: trust.everyIssuer };
  const { maxVerifyDepth: depth, allowExpiredCertificate } = rules;
  // Envoy counts the root of the older BoringSSL's: 1 is the leaf and a root.
  const maxIntermediates = depth === null ? DEFAULT_DEPTH : Math.max(depth - 1, 0);
  return ({ role, leaf, others }) => {
    const now = allowExpiredCertificate ? null : clock.wallNow();
    const path: PathRules = { now, role, maxIntermediates, revocation };
    return judgePath(leaf, others(), roots, path);
  };
}

export function refuseChain(peer: Peer, problem: string, place: string): PeerRefusal {
  const { notBefore, notAfter, x509 } = peer.leaf;
  const validity = `from ${timeText(notBefore)} to ${timeText(notAfter)}`;
  return refusal(
    'fail_verify_error',
    `${problem}: ${presented(peer)}, valid ${validity}, issued by ${oneLine(x509.issuer)}; trusted are the roots of ${place}`,
  );
}

/** Node has no name for what OpenSSL has against weak keys. */
export function opensslProblem({ leaf }: Peer, chainError: string): string {
  return (chainError === 'UNSPECIFIED' ? weaknessOf(leaf.publicKey) : null) ?? opensslText(chainError);
}

function timeText(ms: number): string {
  return new Date(ms).toISOString();
}

/** Node writes names with a line for each part, and of an empty one nothing. */
function oneLine(name: string | undefined): string {
  return (name ?? 'nobody').replace(/[^\x20-\x7e]+/g, ' ').slice(0, 256);
}
