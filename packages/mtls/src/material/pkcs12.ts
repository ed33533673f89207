import { createDecipheriv, createPrivateKey, type KeyObject, pbkdf2Sync, X509Certificate } from 'node:crypto';
import type { SecretBytes } from '@inmesh/core';
import { DerError, DerNode, TAG } from '../x509/der.ts';
import { materialError } from './config-error.ts';

const OID = {
  data: '1.2.840.113549.1.7.1',
  encryptedData: '1.2.840.113549.1.7.6',
  keyBag: '1.2.840.113549.1.12.10.1.1',
  shroudedKeyBag: '1.2.840.113549.1.12.10.1.2',
  certificateBag: '1.2.840.113549.1.12.10.1.3',
  x509Certificate: '1.2.840.113549.1.9.22.1',
  pbes2: '1.2.840.113549.1.5.13',
  pbkdf2: '1.2.840.113549.1.5.12',
} as const;

const CIPHERS: ReadonlyMap<string, { readonly name: string; readonly keyBytes: number }> = new Map([
  ['2.16.840.1.101.3.4.1.2', { name: 'aes-128-cbc', keyBytes: 16 }],
  ['2.16.840.1.101.3.4.1.22', { name: 'aes-192-cbc', keyBytes: 24 }],
  ['2.16.840.1.101.3.4.1.42', { name: 'aes-256-cbc', keyBytes: 32 }],
]);

const DIGESTS: ReadonlyMap<string, string> = new Map([
  ['1.2.840.113549.2.7', 'sha1'],
  ['1.2.840.113549.2.9', 'sha256'],
  ['1.2.840.113549.2.10', 'sha384'],
  ['1.2.840.113549.2.11', 'sha512'],
]);

/** Rounds of PBKDF2: more would hold the event loop for seconds. OpenSSL writes 2,048. */
const MAX_ROUNDS = 1_000_000;

export interface OpenedPkcs12 {
  readonly key: KeyObject;
  /** DER, that of the key first. */
  readonly chain: readonly Buffer[];
}

/**
 * A key and its chain out of PKCS #12 (RFC 7292), locked by a password as OpenSSL 3 does it (PBES2 with AES). Node could read it, too, but
 * it would trust the certificates in it as roots. Throws an error that tells nothing of the key.
 */
export function openPkcs12(pkcs12: SecretBytes, password: SecretBytes | null, place: string): OpenedPkcs12 {
  try {
    return open(DerNode.parse(pkcs12.reveal()), Buffer.from(password?.reveal() ?? []), place);
  } catch (error) {
    if (error instanceof DerError) throw materialError(place, `pkcs12: ${error.message}`);
    throw error;
  }
}

function open(pfx: DerNode, password: Buffer, place: string): OpenedPkcs12 {
  const [, authSafe] = pfx.expect(TAG.sequence).children();
  const keys: KeyObject[] = [];
  const certificates: Buffer[] = [];
  for (const info of contentOf(authSafe, OID.data).inner().children()) {
    for (const bag of safeContents(info, password, place)) {
      const [type, wrapped] = bag.expect(TAG.sequence).children();
      const value = wrapped?.expect(0xa0).inner();
      const oid = type?.oid();
      if (value === undefined) throw new DerError('a bag is empty');
      if (oid === OID.certificateBag) certificates.push(certificateOf(value));
      if (oid === OID.keyBag) keys.push(keyOf(value.raw, place));
      if (oid === OID.shroudedKeyBag) {
        const [algorithm, encrypted] = value.expect(TAG.sequence).children();
        keys.push(keyOf(decrypt(algorithm, encrypted?.expect(TAG.octetString).content, password, place), place));
      }
    }
  }
  const [key] = keys;
  if (key === undefined) throw materialError(place, 'pkcs12: there is no private key in it');
  const own = certificates.findIndex((der) => new X509Certificate(der).checkPrivateKey(key));
  const first = own < 0 ? 0 : own;
  return {
    key,
    chain: [...certificates.slice(first, first + 1), ...certificates.filter((_, index) => index !== first)],
  };
}

function safeContents(info: DerNode, password: Buffer, place: string): DerNode[] {
  const [type] = info.expect(TAG.sequence).children();
  if (type?.oid() === OID.data) return contentOf(info, OID.data).inner().children();
  const [, content] = contentOf(info, OID.encryptedData).expect(TAG.sequence).children();
  const [, algorithm, encrypted] = content?.expect(TAG.sequence).children() ?? [];
  return DerNode.parse(decrypt(algorithm, encrypted?.expect(0x80).content, password, place)).children();
}

function contentOf(info: DerNode | undefined, oid: string): DerNode {
  const [type, content] = info?.expect(TAG.sequence).children() ?? [];
  if (type?.oid() !== oid || content === undefined) throw new DerError('it is not locked by a password alone');
  return content.expect(0xa0).inner();
}

function certificateOf(bag: DerNode): Buffer {
  const [type, value] = bag.expect(TAG.sequence).children();
  if (type?.oid() !== OID.x509Certificate || value === undefined)
    throw new DerError('a certificate is not one of X.509');
  return value.expect(0xa0).inner().expect(TAG.octetString).content;
}

function keyOf(der: Buffer, place: string): KeyObject {
  try {
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  } catch {
    throw materialError(place, 'pkcs12: the private key cannot be opened: is the password right?');
  }
}

/** PBES2 with PBKDF2 and AES-CBC. (RFC 8018) */
function decrypt(algorithm: DerNode | undefined, bytes: Buffer | undefined, password: Buffer, place: string): Buffer {
  const [oid, parameters] = algorithm?.expect(TAG.sequence).children() ?? [];
  const [derivation, scheme] = oid?.oid() === OID.pbes2 ? (parameters?.children() ?? []) : [];
  const [derivationOid, derivationParameters] = derivation?.children() ?? [];
  const [schemeOid, iv] = scheme?.children() ?? [];
  const cipher = CIPHERS.get(schemeOid?.oid() ?? '');
  const fields = derivationParameters?.children() ?? [];
  const salt = fields.shift()?.expect(TAG.octetString).content;
  const rounds = fields.shift()?.count() ?? 0;
  if (fields[0]?.tag === TAG.integer) fields.shift();
  const prf = fields[0]?.children()[0]?.oid();
  const digest = prf === undefined ? 'sha1' : DIGESTS.get(prf);
  const known = derivationOid?.oid() === OID.pbkdf2 && cipher !== undefined && digest !== undefined;
  if (!known || salt === undefined || iv === undefined || bytes === undefined)
    throw materialError(
      place,
      'pkcs12: it is locked in a way that is not supported: export it with OpenSSL 3 or newer, without -legacy',
    );
  if (rounds < 1 || rounds > MAX_ROUNDS)
    throw materialError(place, `pkcs12: ${rounds} rounds of PBKDF2 are too many: at most ${MAX_ROUNDS}`);
  const key = pbkdf2Sync(password, salt, rounds, cipher.keyBytes, digest);
  try {
    const decipher = createDecipheriv(cipher.name, key, iv.expect(TAG.octetString).content);
    return Buffer.concat([decipher.update(bytes), decipher.final()]);
  } catch {
    throw materialError(place, 'pkcs12: it cannot be opened: is the password right?');
  }
}
