import { X509Certificate } from 'node:crypto';
import type { Asn1 } from './asn1.ts';
import { authorityKeyId, extension, type Issuer } from './certificate.ts';

export interface RevocationListContent {
  /** PEM of each certificate that is good no more; of a chain the leaf counts. */
  readonly revoked: readonly string[];
  /** Milliseconds since 1970. */
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  /** Grows from list to list. */
  readonly number: number;
}

/** DER of a list of revoked certificates. (RFC 5280, section 5) */
export function signedRevocationList(asn1: Asn1, content: RevocationListContent, issuer: Issuer): ArrayBuffer {
  const { x509, convert } = asn1;
  const signature = issuer.signer.algorithm(asn1);
  const thisUpdate = new x509.Time(new Date(content.thisUpdate));
  const tbsCertList = new x509.TBSCertList({
    version: x509.Version.v2,
    signature,
    issuer: issuer.name,
    thisUpdate,
    nextUpdate: new x509.Time(new Date(content.nextUpdate)),
    crlExtensions: [
      extension(asn1, x509.id_ce_authorityKeyIdentifier, authorityKeyId(asn1, issuer.publicKey), false),
      extension(asn1, x509.id_ce_cRLNumber, new x509.CRLNumber(content.number), false),
    ],
  });
  const entries = content.revoked.map(
    (pem) => new x509.RevokedCertificate({ userCertificate: serialOf(pem), revocationDate: thisUpdate }),
  );
  // An empty list is left out. (RFC 5280, section 5.1.2.6)
  if (entries.length > 0) tbsCertList.revokedCertificates = entries;
  const signatureBytes = issuer.signer.sign(convert.serialize(tbsCertList));
  return convert.serialize(
    new x509.CertificateList({ tbsCertList, signatureAlgorithm: signature, signature: signatureBytes }),
  );
}

function serialOf(pem: string): ArrayBuffer {
  return Uint8Array.from(Buffer.from(new X509Certificate(pem).serialNumber, 'hex')).buffer;
}
