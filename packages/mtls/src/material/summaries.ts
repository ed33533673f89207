import { X509Certificate } from 'node:crypto';
import type { CertificateSummary } from '../material-parts.ts';
import { type Certificate, readCertificate } from '../x509/certificate.ts';
import type { Validation } from './peer-judge.ts';

export function summaryOf({ serial, names, notBefore, notAfter }: Certificate): CertificateSummary {
  const uris = names.filter(({ type }) => type === 'uri').map(({ value }) => value);
  return { serialNumber: serial, uris, notBefore, notAfter };
}

export function summariesOfRoots({ trust }: Validation): CertificateSummary[] {
  return [...trust.values()].flatMap(({ roots }) => roots.map(rootSummary));
}

/** Roots of systems are old: some are written in ways that are not read strictly. */
function rootSummary(der: Buffer): CertificateSummary {
  try {
    return summaryOf(readCertificate(der));
  } catch {
    const { serialNumber, validFromDate, validToDate } = new X509Certificate(der);
    return { serialNumber, uris: [], notBefore: validFromDate.getTime(), notAfter: validToDate.getTime() };
  }
}
