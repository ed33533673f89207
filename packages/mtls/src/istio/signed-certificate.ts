import { X509Certificate } from 'node:crypto';
import type { SecretBytes } from '@inmesh/core';
import { derBlocks, pemOf } from '../ca/index.ts';
import type { CertifiedKey } from '../identity.ts';
import { readPemPair } from '../providers/pem-pair.ts';

/** What a CA made of a request. */
export interface SignedCertificate {
  readonly certificate: CertifiedKey;
  /** PEM. */
  readonly root: string;
}

/**
 * Reads what an Istio CA answers: PEM, the leaf first and the root last, which is not sent to peers; an entry may hold several. Throws for what
 * is of no use.
 */
export function readSignedCertificate(answer: readonly string[], key: SecretBytes, wallNow: number): SignedCertificate {
  const certificates = derBlocks(answer.join('\n'), 'CERTIFICATE').map((der) => pemOf('CERTIFICATE', der));
  const last = certificates.at(-1);
  if (last === undefined || certificates.length < 2) {
    throw new Error(`the CA answered with ${certificates.length} certificate(s): it takes a leaf and a root at least`);
  }
  const root = new X509Certificate(last);
  // A CA may end with an intermediate that it vouches for; a peer may need that one to find its own root.
  const selfSigned = root.subject === root.issuer && root.verify(root.publicKey);
  const chain = (selfSigned ? certificates.slice(0, -1) : certificates).join('');
  const pair = { chain: Buffer.from(chain), chainPlace: 'the answer', key: key.reveal(), keyPlace: 'the request' };
  return { certificate: readPemPair(pair, wallNow), root: last };
}
