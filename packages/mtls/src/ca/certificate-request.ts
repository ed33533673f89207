import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import type { GeneralName } from '@peculiar/asn1-x509';
import { type Asn1, loadAsn1 } from './asn1.ts';
import { extension, publicKeyInfo } from './certificate.ts';
import { digestOfSignature, Signer } from './keys.ts';
import { commonName, generalNames, type SubjectNames, subjectNamesOf } from './names.ts';
import { derBlocks, pemOf } from './pem.ts';

/** Attribute of a request that lists wished extensions. (RFC 2985, section 5.4.2) */
const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';

/** A request for a certificate whose signature fits its key. */
export interface CertificateRequest {
  readonly publicKey: KeyObject;
  /** What the requester would like to be called: for the authority to judge. */
  readonly names: SubjectNames;
}

/** PEM of a request for a certificate for this key. (PKCS #10) */
export async function makeCertificateRequest(
  key: KeyObject,
  names: SubjectNames,
  subjectCommonName = '',
): Promise<string> {
  const asn1 = await loadAsn1();
  const { convert, csr, x509 } = asn1;
  const wished = generalNames(asn1, names);
  const attributes = new csr.Attributes();
  if (wished.length > 0) {
    const alternative = new x509.SubjectAlternativeName(wished);
    const extensions = new x509.Extensions([
      extension(asn1, x509.id_ce_subjectAltName, alternative, subjectCommonName === ''),
    ]);
    attributes.push(new x509.Attribute({ type: EXTENSION_REQUEST, values: [convert.serialize(extensions)] }));
  }
  const certificationRequestInfo = new csr.CertificationRequestInfo({
    subject: commonName(asn1, subjectCommonName),
    subjectPKInfo: publicKeyInfo(asn1, createPublicKey(key)),
    attributes,
  });
  const signer = new Signer(key);
  const request = new csr.CertificationRequest({
    certificationRequestInfo,
    signatureAlgorithm: signer.algorithm(asn1),
    signature: signer.sign(convert.serialize(certificationRequestInfo)),
  });
  return pemOf('CERTIFICATE REQUEST', convert.serialize(request));
}

/** Throws for what is no request, or was signed with another key than the one that it is for. */
export async function readCertificateRequest(pem: string): Promise<CertificateRequest> {
  const asn1 = await loadAsn1();
  const der = derBlocks(pem, 'CERTIFICATE REQUEST')[0] ?? derBlocks(pem, 'NEW CERTIFICATE REQUEST')[0];
  if (der === undefined) throw new Error('no block of PEM is a CERTIFICATE REQUEST');
  const request = asn1.convert.parse(der, asn1.csr.CertificationRequest);
  const info = request.certificationRequestInfo;
  const spki = Buffer.from(asn1.convert.serialize(info.subjectPKInfo));
  const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  const oid = request.signatureAlgorithm.algorithm;
  const digest = digestOfSignature.get(oid);
  if (digest === undefined)
    throw new Error(`the certificate request is signed with an algorithm not known here: ${oid}`);
  const signed = Buffer.from(request.certificationRequestInfoRaw ?? asn1.convert.serialize(info));
  if (!verify(digest, signed, publicKey, Buffer.from(request.signature))) {
    throw new Error('the certificate request is not signed with the key that it is for');
  }
  return { publicKey, names: subjectNamesOf(wishedNames(asn1, info.attributes)) };
}

function wishedNames({ convert, x509 }: Asn1, attributes: InstanceType<Asn1['csr']['Attributes']>): GeneralName[] {
  const names: GeneralName[] = [];
  for (const attribute of attributes) {
    if (attribute.type !== EXTENSION_REQUEST) continue;
    for (const value of attribute.values) {
      for (const wished of convert.parse(value, x509.Extensions)) {
        if (wished.extnID !== x509.id_ce_subjectAltName) continue;
        names.push(...convert.parse(wished.extnValue.buffer, x509.SubjectAlternativeName));
      }
    }
  }
  return names;
}
