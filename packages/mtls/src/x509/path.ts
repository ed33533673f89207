import { type Certificate, KEY_USAGE } from './certificate.ts';
import { type RevocationRules, revocationOf } from './revocation-list.ts';
import { SIGNATURE_DIGESTS, weaknessOf } from './signature-algorithms.ts';

const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

export type PeerRole = 'server' | 'client';

export interface PathRules {
  /** Milliseconds since 1970; null: validity plays no part. */
  readonly now: number | null;
  readonly role: PeerRole;
  /** Authorities between the leaf and the root at most. */
  readonly maxIntermediates: number;
  /** Null: nothing is asked. */
  readonly revocation: RevocationRules | null;
}

/** Signatures checked for one peer at most: certificates that all could have issued each other must not cost more than they are worth. */
const MAX_SIGNATURES = 64;

/**
 * Looks for a path from the leaf to one of the roots and judges it, as RFC 5280 (section 6) has it: signatures, validity, authorities and
 * their path lengths, usages, revocation. Null where there is one; else why there is none.
 *
 * OpenSSL judges chains in most cases. This is for those where it cannot: it has one set of roots for all peers, one verdict that
 * hides the others behind the last one, and neither `allow_expired_certificate` nor CRLs of leaves alone can be had of it through Node.
 */
export function judgePath(
  leaf: Certificate,
  others: readonly Certificate[],
  roots: readonly Certificate[],
  rules: PathRules,
): string | null {
  const problem = problemOfLeaf(leaf, rules);
  return problem ?? new PathSearch(others, roots, rules).climb([leaf]);
}

class PathSearch {
  readonly #others: readonly Certificate[];
  readonly #roots: readonly Certificate[];
  readonly #rules: PathRules;
  #signatures = 0;

  constructor(others: readonly Certificate[], roots: readonly Certificate[], rules: PathRules) {
    this.#others = others;
    this.#roots = roots;
    this.#rules = rules;
  }

  climb(path: readonly Certificate[]): string | null {
    const top = path.at(-1)!;
    // A certificate that is itself trusted ends the path, be it self-signed or not. (X509_V_FLAG_PARTIAL_CHAIN, which Envoy sets)
    if (this.#roots.some((root) => root.der.equals(top.der))) return this.#revoked(path);
    let problem: string | null = null;
    for (const issuer of [...this.#roots, ...this.#others]) {
      if (path.some((each) => each.der.equals(issuer.der)) || !top.x509.checkIssued(issuer.x509)) continue;
      const found = this.#issuerProblem(top, issuer, path) ?? this.climb([...path, issuer]);
      if (found === null) return null;
      problem ??= found;
    }
    if (problem !== null) return problem;
    const selfSigned = top.subject.equals(top.issuer);
    if (path.length === 1) return selfSigned ? 'self-signed certificate' : 'unable to get local issuer certificate';
    return selfSigned ? 'self-signed certificate in certificate chain' : 'unable to get issuer certificate';
  }

  #issuerProblem(below: Certificate, issuer: Certificate, path: readonly Certificate[]): string | null {
    const { maxIntermediates, role } = this.#rules;
    const trusted = this.#roots.some((root) => root.der.equals(issuer.der));
    if (path.length - 1 + (trusted ? 0 : 1) > maxIntermediates) return 'certificate chain too long';
    if (!issuer.authority || !allows(issuer.keyUsage, KEY_USAGE.keyCertSign)) return 'invalid CA certificate';
    if (!hasPurpose(issuer, role)) return 'unsupported certificate purpose of a CA';
    // Authorities that are called like their issuer do not count. (RFC 5280, section 4.2.1.9)
    const counted = path.slice(1).filter((each) => !each.subject.equals(each.issuer)).length;
    if (issuer.pathLength !== null && counted > issuer.pathLength) return 'path length constraint exceeded';
    const problem = problemOfAny(issuer, this.#rules);
    if (problem !== null) return problem;
    if (++this.#signatures > MAX_SIGNATURES) return 'certificate chain too long';
    const weakness = weaknessOf(issuer.publicKey);
    if (weakness !== null) return weakness;
    return below.x509.verify(issuer.publicKey) ? null : 'certificate signature failure';
  }

  #revoked(path: readonly Certificate[]): string | null {
    const { revocation, now } = this.#rules;
    if (revocation === null) return null;
    const asked = revocation.leafOnly ? path.slice(0, 1) : path;
    for (const [index, certificate] of asked.entries()) {
      // The root answers for itself.
      const problem = revocationOf(certificate, path[index + 1] ?? certificate, revocation, now);
      if (problem !== null) return problem;
    }
    return null;
  }
}

function problemOfLeaf(leaf: Certificate, rules: PathRules): string | null {
  const { digitalSignature, keyEncipherment, keyAgreement } = KEY_USAGE;
  const needed =
    rules.role === 'server' ? digitalSignature | keyEncipherment | keyAgreement : digitalSignature | keyAgreement;
  if (!allows(leaf.keyUsage, needed) || !hasPurpose(leaf, rules.role)) return 'unsupported certificate purpose';
  return problemOfAny(leaf, rules) ?? weaknessOf(leaf.publicKey);
}

function problemOfAny(certificate: Certificate, { now }: PathRules): string | null {
  if (now !== null && now < certificate.notBefore) return 'certificate is not yet valid';
  if (now !== null && now > certificate.notAfter) return 'certificate has expired';
  const [unknown] = certificate.unknownCritical;
  if (unknown !== undefined) return `unhandled critical extension ${unknown}`;
  if (certificate.nameConstraints) return 'name constraints are not supported';
  if (SIGNATURE_DIGESTS.has(certificate.signatureAlgorithm)) return null;
  return `the signature algorithm ${certificate.signatureAlgorithm} is not accepted`;
}

function hasPurpose({ extendedKeyUsage }: Certificate, role: PeerRole): boolean {
  return extendedKeyUsage === null || extendedKeyUsage.includes(role === 'server' ? SERVER_AUTH : CLIENT_AUTH);
}

/** True where one of these bits is set, or no usage is told. */
function allows(usage: number | null, bits: number): boolean {
  return usage === null || (usage & bits) !== 0;
}
