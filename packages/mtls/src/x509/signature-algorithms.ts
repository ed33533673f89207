import type { KeyObject } from 'node:crypto';

/** Digests by OID of the signature algorithms that chains are believed by; null: the algorithm has its own. Nothing with MD5 or SHA-1. */
export const SIGNATURE_DIGESTS: ReadonlyMap<string, string | null> = new Map([
  ['1.2.840.113549.1.1.11', 'sha256'],
  ['1.2.840.113549.1.1.12', 'sha384'],
  ['1.2.840.113549.1.1.13', 'sha512'],
  ['1.2.840.10045.4.3.2', 'sha256'],
  ['1.2.840.10045.4.3.3', 'sha384'],
  ['1.2.840.10045.4.3.4', 'sha512'],
  ['1.3.101.112', null],
]);

const CURVES: ReadonlySet<string | undefined> = new Set(['prime256v1', 'secp384r1', 'secp521r1']);

/** Envoy loads no certificate with a shorter RSA key. */
const MIN_RSA_BITS = 2048;

/** What is wrong with a public key; null where it may be used: RSA of 2048 bits, ECDSA P-256, P-384 or P-521, Ed25519. */
export function weaknessOf(key: KeyObject): string | null {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === 'rsa' && (details?.modulusLength ?? 0) < MIN_RSA_BITS)
    return `an RSA key of ${details?.modulusLength} bits is too short: use ${MIN_RSA_BITS} bits or more`;
  if (type === 'rsa' || type === 'ed25519' || (type === 'ec' && CURVES.has(details?.namedCurve))) return null;
  return `a key of type ${details?.namedCurve ?? type} is not accepted: use ECDSA P-256, P-384 or P-521, RSA or Ed25519`;
}
