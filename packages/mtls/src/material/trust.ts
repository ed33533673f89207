import * as tls from 'node:tls';
import { type Certificate, readCertificate } from '../x509/certificate.ts';
import { type RevocationList, readRevocationList } from '../x509/revocation-list.ts';
import { materialError } from './config-error.ts';
import { certificatePem, readPem } from './pem-blocks.ts';
import type { ReadValidation } from './read-parts.ts';

/** Roots and the lists of what they, or those below them, have revoked. */
export interface Trust {
  readonly place: string;
  /** DER. */
  readonly roots: readonly Buffer[];
  /** DER. */
  readonly revocationLists: readonly Buffer[];
  /** Each issuer must have a list, if there are any. */
  readonly everyIssuer: boolean;
}

/** The same, for judging paths. */
export interface ReadTrust {
  readonly roots: readonly Certificate[];
  readonly revocationLists: readonly RevocationList[];
}

/** What chains must lead to; null where nothing is trusted, so that chains are not judged. Throws for what is configured and of no use. */
export function trustOf({ place, rules, trustedCa, crl }: ReadValidation): Trust | null {
  const roots: Buffer[] = [];
  const revocationLists: Buffer[] = [];
  if (trustedCa !== null) {
    const content = readPem(trustedCa, place);
    if (content.certificates.length === 0) throw materialError(place, 'there is no certificate in trusted_ca');
    roots.push(...content.certificates);
    revocationLists.push(...content.revocationLists);
  }
  if (rules.systemRootCerts) roots.push(...systemRoots(place));
  if (crl !== null) {
    const lists = readPem(crl, place).revocationLists;
    if (lists.length === 0) throw materialError(place, 'there is no list of revoked certificates in crl');
    revocationLists.push(...lists);
  }
  return roots.length === 0 ? null : { place, roots, revocationLists, everyIssuer: true };
}

/** The roots of one trust domain. Lists of revoked certificates beside the domains are whatever their provider knows of: not every issuer has one. */
export function trustOfDomain(domain: string, pem: string | Uint8Array, { place, crl }: ReadValidation): Trust {
  const where = `${place}, trust domain ${domain}`;
  const { certificates, revocationLists } = readPem(pem, where);
  if (certificates.length === 0) throw materialError(where, 'there is no root for this trust domain');
  const shared = crl === null ? [] : readPem(crl, place).revocationLists;
  return {
    place: where,
    roots: certificates,
    revocationLists: [...revocationLists, ...shared],
    everyIssuer: revocationLists.length > 0,
  };
}

/** Certificates that cannot be read are left out where the system gives them, as OpenSSL does; elsewhere they are an error. */
export function readTrust({ place, roots, revocationLists }: Trust, lenient = false): ReadTrust {
  const read = (der: Buffer): Certificate[] => {
    try {
      return [readCertificate(der)];
    } catch (cause) {
      if (lenient) return [];
      throw materialError(place, `a root cannot be read: ${(cause as Error).message}`, cause);
    }
  };
  const lists = revocationLists.map((der) => {
    try {
      return readRevocationList(der);
    } catch (cause) {
      throw materialError(place, `a list of revoked certificates cannot be read: ${(cause as Error).message}`, cause);
    }
  });
  return { roots: roots.flatMap(read), revocationLists: lists };
}

/** Those of the operating system where the runtime shows them (Node 22.15), else those that come with the runtime. */
function systemRoots(place: string): readonly Buffer[] {
  const pem = typeof tls.getCACertificates === 'function' ? tls.getCACertificates('system') : tls.rootCertificates;
  const roots = readPem(pem.join('\n'), place).certificates;
  if (roots.length === 0)
    throw materialError(
      place,
      'system_root_certs: this system has none; install them (ca-certificates) or give trusted_ca',
    );
  return roots;
}

export function pemOfTrust({ roots }: Trust): string[] {
  return roots.map(certificatePem);
}
