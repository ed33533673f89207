import { type KeyObject, X509Certificate } from 'node:crypto';
import type { SubjectAltName } from '@inmesh/core';
import { DerError, DerNode, TAG } from './der.ts';
import { readGeneralNames } from './general-names.ts';

const OID = {
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  keyUsage: '2.5.29.15',
  extendedKeyUsage: '2.5.29.37',
  nameConstraints: '2.5.29.30',
} as const;

/** Critical extensions that say nothing against a chain, or are judged here. (RFC 5280, section 4.2) */
const UNDERSTOOD: ReadonlySet<string> = new Set([
  ...Object.values(OID),
  // certificatePolicies: no policy is asked for.
  '2.5.29.32',
]);

/** Bits of `keyUsage`. (RFC 5280, section 4.2.1.3) */
export const KEY_USAGE = {
  digitalSignature: 0x01,
  keyEncipherment: 0x04,
  keyAgreement: 0x10,
  keyCertSign: 0x20,
  crlSign: 0x40,
} as const;

/** What a certificate says, of which only the signature was not looked at. */
export interface Certificate {
  /** For what OpenSSL does better: names of issuers, signatures. */
  readonly x509: X509Certificate;
  readonly der: Buffer;
  /** Hexadecimal, without leading zeros. */
  readonly serial: string;
  /** OID of what it was signed by. */
  readonly signatureAlgorithm: string;
  /** DER. */
  readonly subject: Buffer;
  /** DER. */
  readonly issuer: Buffer;
  /** Milliseconds since 1970, both included. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** Throws where it is none. Parsed when it is asked for: OpenSSL has looked at it already where it judges the chain. */
  readonly publicKey: KeyObject;
  /** DER of the public key. */
  readonly publicKeyInfo: Buffer;
  /** Empty where it has none. */
  readonly names: readonly SubjectAltName[];
  readonly authority: boolean;
  /** Authorities that may stand below this one; null for any number. */
  readonly pathLength: number | null;
  /** Bits of `KEY_USAGE`; null: for everything. */
  readonly keyUsage: number | null;
  /** OIDs; null: for everything. */
  readonly extendedKeyUsage: readonly string[] | null;
  readonly nameConstraints: boolean;
  /** OIDs of critical extensions that are not understood here. */
  readonly unknownCritical: readonly string[];
}

/** `parsed`: the same as OpenSSL has it, where it is there already. Throws for bytes that are no certificate, or not one that both OpenSSL and this reader take for the same. */
export function readCertificate(der: Uint8Array, parsed: X509Certificate | null = null): Certificate {
  const [tbs, algorithm, signature, ...rest] = DerNode.parse(der).expect(TAG.sequence).children();
  if (tbs === undefined || algorithm === undefined || signature === undefined || rest.length > 0)
    throw new DerError('it has not the three parts of a certificate');
  signature.expect(TAG.bitString);
  const fields = tbs.expect(TAG.sequence).children();
  const version = fields[0]?.tag === 0xa0 ? fields.shift()!.inner().count() : 0;
  const [serial, innerAlgorithm, issuer, validity, subject, publicKeyInfo, ...optional] = fields;
  if (serial === undefined || issuer === undefined || subject === undefined || publicKeyInfo === undefined)
    throw new DerError('fields of the certificate are missing');
  if (innerAlgorithm === undefined || !innerAlgorithm.raw.equals(algorithm.raw))
    throw new DerError('the signature algorithms inside and outside differ');
  const [notBefore, notAfter] = validity?.expect(TAG.sequence).children() ?? [];
  if (notBefore === undefined || notAfter === undefined) throw new DerError('the validity has two times');
  const extensions = readExtensions(optional, version);
  const buffer = Buffer.from(der.buffer, der.byteOffset, der.byteLength);
  const x509 = parsed ?? new X509Certificate(buffer);
  const facts = readFacts(extensions);
  // Of an extension that it cannot read OpenSSL takes nothing: what is a name to us only is none.
  if (facts.names.length > 0 && x509.subjectAltName === undefined) throw new DerError('OpenSSL reads no names in it');
  let publicKey: KeyObject | null = null;
  return {
    x509,
    der: buffer,
    serial: serial.hex(),
    signatureAlgorithm: algorithm.expect(TAG.sequence).children()[0]?.oid() ?? '',
    subject: subject.expect(TAG.sequence).raw,
    issuer: issuer.expect(TAG.sequence).raw,
    notBefore: notBefore.time(),
    notAfter: notAfter.time(),
    get publicKey() {
      publicKey ??= x509.publicKey;
      return publicKey;
    },
    publicKeyInfo: publicKeyInfo.expect(TAG.sequence).raw,
    ...facts,
  };
}

interface Extension {
  readonly critical: boolean;
  readonly value: DerNode;
}

function readExtensions(optional: readonly DerNode[], version: number): Map<string, Extension> {
  const extensions = new Map<string, Extension>();
  let last = 0;
  for (const field of optional) {
    // issuerUniqueID, subjectUniqueID, extensions: each once and in this order.
    if (![0x81, 0x82, 0xa3].includes(field.tag) || field.tag <= last)
      throw new DerError('the certificate has a field that none has');
    last = field.tag;
    if (field.tag !== 0xa3) continue;
    if (version !== 2) throw new DerError('only certificates of version 3 have extensions');
    for (const each of field.inner().expect(TAG.sequence).children()) {
      const parts = each.expect(TAG.sequence).children();
      const oid = parts.shift()?.oid() ?? '';
      const critical = parts[0]?.tag === TAG.boolean ? parts.shift()!.boolean() : false;
      const [value, ...rest] = parts;
      if (value === undefined || rest.length > 0) throw new DerError(`the extension ${oid} is not whole`);
      // Two of a kind: readers differ in which one counts. (RFC 5280, section 4.2)
      if (extensions.has(oid)) throw new DerError(`the extension ${oid} is there twice`);
      extensions.set(oid, { critical, value: value.expect(TAG.octetString) });
    }
  }
  return extensions;
}

function readFacts(extensions: ReadonlyMap<string, Extension>) {
  const inner = (oid: string): DerNode | null => extensions.get(oid)?.value.inner() ?? null;
  const names = inner(OID.subjectAltName);
  const purposes = inner(OID.extendedKeyUsage);
  const constraints = inner(OID.basicConstraints)?.expect(TAG.sequence).children() ?? [];
  const authority = constraints[0]?.tag === TAG.boolean ? constraints.shift()!.boolean() : false;
  const [length, ...rest] = constraints;
  if (rest.length > 0) throw new DerError('basicConstraints has too many fields');
  return {
    names: names === null ? [] : readGeneralNames(names),
    authority,
    pathLength: length === undefined ? null : length.count(),
    keyUsage: inner(OID.keyUsage)?.flags() ?? null,
    extendedKeyUsage:
      purposes === null
        ? null
        : purposes
            .expect(TAG.sequence)
            .children()
            .map((each) => each.oid()),
    nameConstraints: extensions.has(OID.nameConstraints),
    unknownCritical: [...extensions]
      .filter(([oid, { critical }]) => critical && !UNDERSTOOD.has(oid))
      .map(([oid]) => oid),
  };
}
