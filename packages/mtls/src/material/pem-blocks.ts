import { pemOf } from '../ca/pem.ts';
import { materialError } from './config-error.ts';

const CERTIFICATE_LABELS: ReadonlySet<string> = new Set(['CERTIFICATE', 'X509 CERTIFICATE', 'TRUSTED CERTIFICATE']);
const BEGIN = /-----BEGIN ([A-Z0-9 ]+)-----/g;

/** Certificates and lists of revoked ones, as DER. */
export interface PemContent {
  readonly certificates: readonly Buffer[];
  readonly revocationLists: readonly Buffer[];
}

/**
 * Reads PEM strictly: what stands between the blocks is a comment, and a block that is cut off or holds no base64 is an error, because
 * whatever was to be trusted or revoked by it would not be. Blocks of other kinds, such as keys, are left out.
 */
export function readPem(bytes: Uint8Array | string, place: string): PemContent {
  const text = typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('latin1');
  const certificates: Buffer[] = [];
  const revocationLists: Buffer[] = [];
  for (const begin of text.matchAll(BEGIN)) {
    const label = begin[1]!;
    const isCertificate = CERTIFICATE_LABELS.has(label);
    if (!isCertificate && label !== 'X509 CRL') continue;
    const start = begin.index + begin[0].length;
    const end = text.indexOf(`-----END ${label}-----`, start);
    const body = end < 0 ? '' : text.slice(start, end).replace(/\s+/g, '');
    if (body === '' || !/^[A-Za-z0-9+/]+={0,2}$/.test(body))
      throw materialError(place, `a block of PEM is cut off or damaged: ${label}`);
    (isCertificate ? certificates : revocationLists).push(Buffer.from(body, 'base64'));
  }
  return { certificates, revocationLists };
}

export function certificatePem(der: Uint8Array): string {
  return pemOf('CERTIFICATE', der);
}

export function revocationListPem(der: Uint8Array): string {
  return pemOf('X509 CRL', der);
}
