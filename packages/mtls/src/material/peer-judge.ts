import type { TLSSocket } from 'node:tls';
import type { ExpectedNames } from '@inmesh/core';
import type { PeerRefusal } from '../tls-material.ts';
import { type ChainJudge, chainJudge } from './chain-judge.ts';
import { materialError } from './config-error.ts';
import { nameJudge } from './name-judge.ts';
import { isRefusal, type Peer, peerOf, refusal } from './peer.ts';
import { pinJudge } from './pin-judge.ts';
import type { ReadParts, ReadValidation } from './read-parts.ts';
import { spiffeJudge } from './spiffe-judge.ts';
import { type Trust, trustOf, trustOfDomain } from './trust.ts';

/** The verdict on a peer once a handshake is done; null where it may be spoken to. */
export type PeerJudge = (socket: TLSSocket, expected: ExpectedNames | null) => PeerRefusal | null;

/** Whom a validation context trusts, and how it judges by that. */
export interface Validation {
  readonly judge: PeerJudge;
  /** The roots of each trust domain by its name; of all of them by the empty one. */
  readonly trust: ReadonlyMap<string, Trust>;
}

/** Throws for rules that are of no use, and for those that Envoy refuses because they look safer than they are. */
export function readValidation({
  peer: role,
  validation,
  regex,
  clock,
}: Pick<ReadParts, 'peer' | 'validation' | 'regex' | 'clock'>): Validation {
  if (validation === null) return { judge: judgeNobody, trust: new Map() };
  const { rules, place, trustDomains } = validation;
  const trust =
    trustDomains === null
      ? defaultTrust(validation)
      : new Map([...trustDomains].map(([domain, pem]) => [domain, trustOfDomain(domain, pem, validation)]));
  requireTrust(validation, trust.size > 0);
  const names = nameJudge(matchersOf(validation), regex, place);
  const pins = pinJudge(rules, place);
  const chain = chainOf(validation, trust, clock);
  // Envoy counts what it has against the peer, and speaks to it.
  if (rules.acceptUntrusted) return { judge: () => null, trust };
  if (chain === null && pins === null) return { judge: judgeNobody, trust };
  const judge = (peer: Peer, expected: ExpectedNames | null): PeerRefusal | null =>
    chain?.(peer) ??
    (chain === null && expected !== null ? refuseUnfounded() : names(peer, expected)) ??
    pins?.(peer) ??
    null;
  return {
    judge: (socket, expected) => {
      const peer = peerOf(socket, role);
      if (isRefusal(peer)) return peer;
      try {
        return judge(peer, expected);
      } catch (error) {
        // Whatever a stranger's certificate may lead to, it is not belief.
        return refusal(
          'fail_verify_error',
          `the certificate of the ${role} cannot be judged: ${(error as Error).message}`,
        );
      }
    },
    trust,
  };
}

/** Names that a call expects mean nothing where nobody says who may have them. */
function judgeNobody(_: TLSSocket, expected: ExpectedNames | null): PeerRefusal | null {
  return expected === null ? null : refuseUnfounded();
}

function refuseUnfounded(): PeerRefusal {
  return refusal(
    'fail_verify_error',
    'names of the server are asked for (auto_san_validation or auto_sni_san_validation), and no root is trusted: give trusted_ca',
  );
}

function defaultTrust(validation: ReadValidation): Map<string, Trust> {
  const trust = trustOf(validation);
  return new Map(trust === null ? [] : [['', trust]]);
}

function chainOf(
  validation: ReadValidation,
  trust: ReadonlyMap<string, Trust>,
  clock: ReadParts['clock'],
): ChainJudge | null {
  if (validation.trustDomains !== null) return spiffeJudge(validation, trust, clock);
  const roots = trust.get('');
  return roots === undefined ? null : chainJudge(validation, roots, clock);
}

/** The SPIFFE validator looks at URIs alone, as Envoy's: other names are not for a trust domain to give. */
function matchersOf({ rules, trustDomains, place }: ReadValidation) {
  const { subjectAltNames } = rules;
  if (trustDomains === null || subjectAltNames.length === 0) return subjectAltNames;
  const uris = subjectAltNames.filter(({ sanType }) => sanType === null || sanType === 'uri');
  if (uris.length > 0) return uris.map((matcher) => ({ ...matcher, sanType: 'uri' as const }));
  throw materialError(place, 'match_typed_subject_alt_names: a SPIFFE validator matches names of the type URI alone');
}

function requireTrust({ rules, place, trustDomains, crl }: ReadValidation, trusted: boolean): void {
  if (trusted) return;
  if (trustDomains !== null) throw materialError(place, 'a SPIFFE validator needs the roots of a trust domain');
  if (crl !== null) throw materialError(place, 'crl: Failed to load CRL without trusted CA: give trusted_ca');
  if (rules.subjectAltNames.length > 0)
    throw materialError(
      place,
      'SAN-based verification of peer certificates without trusted CA is insecure and not allowed: give trusted_ca',
    );
  if (rules.allowExpiredCertificate)
    throw materialError(place, 'allow_expired_certificate: the validity is always ignored without trusted CA');
}
