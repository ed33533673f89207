import { generateKeyPair, type KeyObject, sign } from 'node:crypto';
import { promisify } from 'node:util';
import { SecretBytes } from '@inmesh/core';
import type { AlgorithmIdentifier } from '@peculiar/asn1-x509';
import type { Asn1 } from './asn1.ts';

/** Envoy takes no Ed25519: BoringSSL does not offer it for TLS unless asked. */
export type KeyType = 'ecdsa-p256' | 'ecdsa-p384' | 'rsa-2048' | 'rsa-4096' | 'ed25519';

const generate = promisify(generateKeyPair);

export async function generateKey(type: KeyType): Promise<KeyObject> {
  return (await generatePair(type)).privateKey;
}

function generatePair(type: KeyType): Promise<{ readonly privateKey: KeyObject }> {
  switch (type) {
    case 'ecdsa-p256':
      return generate('ec', { namedCurve: 'P-256' });
    case 'ecdsa-p384':
      return generate('ec', { namedCurve: 'P-384' });
    case 'rsa-2048':
      return generate('rsa', { modulusLength: 2048 });
    case 'rsa-4096':
      return generate('rsa', { modulusLength: 4096 });
    case 'ed25519':
      return generate('ed25519', {});
  }
}

/** PEM, PKCS #8. */
export function secretPem(key: KeyObject): SecretBytes {
  return new SecretBytes(Buffer.from(key.export({ type: 'pkcs8', format: 'pem' })));
}

interface Signing {
  readonly oid: string;
  /** Null: the algorithm has its own. */
  readonly digest: string | null;
  /** RSA says NULL where the others say nothing. (RFC 4055, RFC 5758) */
  readonly parameters?: null;
}

const RSA: Signing = { oid: '1.2.840.113549.1.1.11', digest: 'sha256', parameters: null };
const BY_CURVE: { readonly [curve: string]: Signing } = {
  prime256v1: { oid: '1.2.840.10045.4.3.2', digest: 'sha256' },
  secp384r1: { oid: '1.2.840.10045.4.3.3', digest: 'sha384' },
  secp521r1: { oid: '1.2.840.10045.4.3.4', digest: 'sha512' },
};
const ED25519: Signing = { oid: '1.3.101.112', digest: null };

/** How signatures that we may meet in requests are made, by OID. */
export const digestOfSignature: ReadonlyMap<string, string | null> = new Map([
  ...[RSA, ED25519, ...Object.values(BY_CURVE)].map((signing) => [signing.oid, signing.digest] as const),
  ['1.2.840.113549.1.1.12', 'sha384'],
  ['1.2.840.113549.1.1.13', 'sha512'],
]);

/** Signs what the algorithm is told in: a certificate, a list of revoked ones, a request. */
export class Signer {
  readonly #key: KeyObject;
  readonly #signing: Signing;

  /** Throws for a key that no certificate is signed with here. */
  constructor(key: KeyObject) {
    this.#key = key;
    this.#signing = signingOf(key);
  }

  algorithm(asn1: Asn1): AlgorithmIdentifier {
    const { oid, parameters } = this.#signing;
    return new asn1.x509.AlgorithmIdentifier({ algorithm: oid, ...(parameters === null && { parameters }) });
  }

  sign(bytes: ArrayBuffer): ArrayBuffer {
    return Uint8Array.from(sign(this.#signing.digest, Buffer.from(bytes), this.#key)).buffer;
  }
}

function signingOf(key: KeyObject): Signing {
  if (key.asymmetricKeyType === 'rsa') return RSA;
  if (key.asymmetricKeyType === 'ed25519') return ED25519;
  const curve = key.asymmetricKeyDetails?.namedCurve;
  const signing = curve === undefined ? undefined : BY_CURVE[curve];
  if (signing !== undefined) return signing;
  throw new Error(
    `a key of type ${curve ?? key.asymmetricKeyType} signs no certificates here: use ECDSA P-256, P-384 or P-521, RSA or Ed25519`,
  );
}
