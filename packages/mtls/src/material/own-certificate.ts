import { createPrivateKey, type KeyObject } from 'node:crypto';
import type { SecretBytes } from '@inmesh/core';
import { type Certificate, readCertificate } from '../x509/certificate.ts';
import { weaknessOf } from '../x509/signature-algorithms.ts';
import { materialError } from './config-error.ts';
import { certificatePem, readPem } from './pem-blocks.ts';
import { openPkcs12 } from './pkcs12.ts';
import type { ReadCertificate } from './read-parts.ts';

/** A certificate and the key that it is for, as node:tls wants them. */
export interface OwnCertificate {
  readonly place: string;
  readonly leaf: Certificate;
  /** PEM, the leaf first. */
  readonly chain: string;
  /** PEM, PKCS #8, unlocked. */
  readonly key: Buffer;
}

/** Throws an error that names the place, and tells nothing of the key. */
export function openCertificate(read: ReadCertificate): OwnCertificate {
  const { place } = read;
  const { chain, key } = read.pkcs12 === null ? fromPem(read) : openPkcs12(read.pkcs12, read.password, place);
  const [first] = chain;
  if (first === undefined) throw materialError(place, 'there is no certificate in it');
  const leaf = parse(first, place);
  for (const other of chain.slice(1)) parse(other, place);
  const weakness = weaknessOf(leaf.publicKey);
  if (weakness !== null) throw materialError(place, weakness);
  if (!leaf.x509.checkPrivateKey(key))
    throw materialError(place, 'the private key is not that of the certificate: both must be of the same renewal');
  return {
    place,
    leaf,
    chain: chain.map(certificatePem).join(''),
    key: Buffer.from(key.export({ type: 'pkcs8', format: 'pem' })),
  };
}

function fromPem({ place, certificateChain, privateKey, password }: ReadCertificate) {
  if (certificateChain === null) throw materialError(place, 'the certificate_chain is missing');
  if (privateKey === null) throw materialError(place, 'the private_key is missing');
  return {
    chain: readPem(certificateChain, place).certificates,
    key: openKey(privateKey, password, place),
  };
}

/** PKCS #8, PKCS #1 or SEC 1, locked or not. */
function openKey(key: SecretBytes, password: SecretBytes | null, place: string): KeyObject {
  const passphrase = password === null ? undefined : Buffer.from(password.reveal());
  try {
    return createPrivateKey({ key: Buffer.from(key.reveal()), format: 'pem', ...(passphrase && { passphrase }) });
  } catch (error) {
    throw keyError((error as { readonly code?: unknown }).code, password, place);
  }
}

/** OpenSSL's own text is left out: nothing of a key may get into an error. */
function keyError(code: unknown, password: SecretBytes | null, place: string): Error {
  if (password === null && (code === 'ERR_MISSING_PASSPHRASE' || code === 'ERR_OSSL_CRYPTO_INTERRUPTED_OR_CANCELLED'))
    return materialError(place, 'the private key is locked: give its password');
  if (password !== null) return materialError(place, 'the private key cannot be opened: is the password right?');
  return materialError(place, 'the private key cannot be read: it must be PEM of PKCS #8, PKCS #1 or SEC 1');
}

function parse(der: Buffer, place: string): Certificate {
  try {
    return readCertificate(der);
  } catch (cause) {
    throw materialError(place, `a certificate in it cannot be read: ${(cause as Error).message}`, cause);
  }
}
