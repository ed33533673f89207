import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { SecretBytes } from '@inmesh/core';
import type { CertifiedKey } from '../identity.ts';

/** PEM of a chain and its key, and where each is from: errors name it. */
export interface PemPair {
  readonly chain: Uint8Array;
  readonly chainPlace: string;
  readonly key: Uint8Array;
  readonly keyPlace: string;
}

/** Throws where the two are no PEM, do not belong together, or the time of the certificate is over. */
export function readPemPair(source: PemPair, wallNow: number): CertifiedKey {
  const { chainPlace, keyPlace } = source;
  const chain = certificatesOf(source.chain, chainPlace);
  const leaf = parsedCertificate(chain, chainPlace);
  const key = privateKey(source.key, keyPlace);
  if (!leaf.checkPrivateKey(key))
    throw new Error(`the key in ${keyPlace} is not the one of the certificate in ${chainPlace}`);
  const notAfter = leaf.validToDate.getTime();
  if (notAfter <= wallNow)
    throw new Error(`the certificate in ${chainPlace} expired at ${leaf.validToDate.toISOString()}`);
  return { chain, key: new SecretBytes(Buffer.from(key.export({ type: 'pkcs8', format: 'pem' }))), notAfter };
}

/** PEM without what stands around the certificates. Throws where there are none, or one of them cannot be read. */
export function certificatesOf(pem: Uint8Array, place: string): string {
  const blocks = Buffer.from(pem).toString('latin1').match(CERTIFICATE) ?? [];
  if (blocks.length === 0) throw new Error(`${place} holds no certificate in PEM`);
  for (const block of blocks) parsedCertificate(block, place);
  return blocks.map((block) => `${block}\n`).join('');
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

function parsedCertificate(pem: string, place: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new Error(`a certificate in ${place} cannot be read`, { cause });
  }
}

function privateKey(pem: Uint8Array, place: string): KeyObject {
  try {
    return createPrivateKey(Buffer.from(pem));
  } catch {
    // What OpenSSL says of a key that it cannot read is not for others' eyes.
    throw new Error(`${place} holds no private key in PEM, or one with a password`);
  }
}
