import { createHash, type KeyObject, randomBytes } from 'node:crypto';
import type { Extension, Name } from '@peculiar/asn1-x509';
import type { Asn1 } from './asn1.ts';
import type { Signer } from './keys.ts';
import { commonName, generalNames, type SubjectNames } from './names.ts';

/** What an extended key usage allows. */
export type Usage = 'server' | 'client';

/** What a certificate says. */
export interface CertificateContent {
  /** Empty for none. */
  readonly commonName: string;
  readonly names: SubjectNames;
  /** Milliseconds since 1970; certificates count whole seconds. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly publicKey: KeyObject;
  /** A certificate that may sign others: how many certificates may stand between it and a leaf at most, null for any number. */
  readonly authority: { readonly pathLength: number | null } | null;
  /** Empty: the extension is left out, so that the certificate is good for everything. */
  readonly usages: readonly Usage[];
}

/** Who signs. */
export interface Issuer {
  readonly signer: Signer;
  readonly publicKey: KeyObject;
  readonly name: Name;
}

/** DER of a certificate. (RFC 5280, section 4) */
export function signedCertificate(asn1: Asn1, content: CertificateContent, issuer: Issuer): ArrayBuffer {
  const { x509, convert } = asn1;
  const signature = issuer.signer.algorithm(asn1);
  const tbsCertificate = new x509.TBSCertificate({
    version: x509.Version.v3,
    serialNumber: newSerial(),
    signature,
    issuer: issuer.name,
    validity: new x509.Validity({ notBefore: new Date(content.notBefore), notAfter: new Date(content.notAfter) }),
    subject: commonName(asn1, content.commonName),
    subjectPublicKeyInfo: publicKeyInfo(asn1, content.publicKey),
    extensions: new x509.Extensions(extensionsOf(asn1, content, issuer)),
  });
  const signatureValue = issuer.signer.sign(convert.serialize(tbsCertificate));
  return convert.serialize(new x509.Certificate({ tbsCertificate, signatureAlgorithm: signature, signatureValue }));
}

function extensionsOf(asn1: Asn1, content: CertificateContent, issuer: Issuer): Extension[] {
  const { x509 } = asn1;
  const add = (extnID: string, value: unknown, critical: boolean): Extension =>
    extension(asn1, extnID, value, critical);
  const { authority } = content;
  const constraints = new x509.BasicConstraints({ cA: authority !== null });
  if (authority !== null && authority.pathLength !== null) constraints.pathLenConstraint = authority.pathLength;
  const usage = keyUsageOf(asn1, content);
  const extensions = [
    add(x509.id_ce_basicConstraints, constraints, true),
    add(x509.id_ce_keyUsage, new x509.KeyUsage(usage), true),
    add(x509.id_ce_subjectKeyIdentifier, new x509.SubjectKeyIdentifier(keyId(asn1, content.publicKey)), false),
    add(x509.id_ce_authorityKeyIdentifier, authorityKeyId(asn1, issuer.publicKey), false),
  ];
  if (content.usages.length > 0) {
    const purposes = content.usages.map((use) => (use === 'server' ? x509.id_kp_serverAuth : x509.id_kp_clientAuth));
    extensions.push(add(x509.id_ce_extKeyUsage, new x509.ExtendedKeyUsage(purposes), false));
  }
  const names = generalNames(asn1, content.names);
  // RFC 5280, section 4.2.1.6: critical where there is no other name.
  const critical = content.commonName === '';
  if (names.length > 0)
    extensions.push(add(x509.id_ce_subjectAltName, new x509.SubjectAlternativeName(names), critical));
  return extensions;
}

function keyUsageOf({ x509 }: Asn1, content: CertificateContent): number {
  const { KeyUsageFlags } = x509;
  if (content.authority !== null) return KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign;
  // RSA key exchange of TLS 1.2 encrypts with the key.
  const encipher = content.publicKey.asymmetricKeyType === 'rsa' ? KeyUsageFlags.keyEncipherment : 0;
  return KeyUsageFlags.digitalSignature | encipher;
}

export function extension(asn1: Asn1, extnID: string, value: unknown, critical: boolean): Extension {
  const extnValue = new asn1.OctetString(asn1.convert.serialize(value));
  return new asn1.x509.Extension({ extnID, critical, extnValue });
}

export function authorityKeyId(asn1: Asn1, publicKey: KeyObject): InstanceType<Asn1['x509']['AuthorityKeyIdentifier']> {
  const keyIdentifier = new asn1.x509.KeyIdentifier(keyId(asn1, publicKey));
  return new asn1.x509.AuthorityKeyIdentifier({ keyIdentifier });
}

export function publicKeyInfo(asn1: Asn1, key: KeyObject): InstanceType<Asn1['x509']['SubjectPublicKeyInfo']> {
  return asn1.convert.parse(key.export({ type: 'spki', format: 'der' }), asn1.x509.SubjectPublicKeyInfo);
}

/** SHA-1 of the key's bits. (RFC 5280, section 4.2.1.2, the first method) */
function keyId(asn1: Asn1, publicKey: KeyObject): Uint8Array<ArrayBuffer> {
  const bits = publicKeyInfo(asn1, publicKey).subjectPublicKey;
  return Uint8Array.from(createHash('sha1').update(Buffer.from(bits)).digest());
}

/** 127 bits of chance, positive and never short. (RFC 5280, section 4.1.2.2) */
function newSerial(): ArrayBuffer {
  const bytes = Uint8Array.from(randomBytes(16));
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.buffer;
}
