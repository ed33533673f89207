import type { X509Certificate } from 'node:crypto';
import type { Certificate } from '../../../packages/mtls/src/x509/certificate.ts';

const LABELS: Readonly<Record<string, string>> = { DNS: 'dns', URI: 'uri', email: 'email' };
/** `TYPE:value`; what could be taken for the next entry is written as a JSON string. */
const ENTRY = /\s*([^:,]+):("(?:[^"\\]|\\.)*"|(?!")[^,]*)(?:,|$)/y;

/** What OpenSSL reads otherwise than we do, in words; null for nothing. Only what decides whether a peer is believed counts. */
export function disagreement(ours: Certificate): string | null {
  const { x509 } = ours;
  if (x509.validFromDate.getTime() !== ours.notBefore) return `it begins ${x509.validFrom} and not ${ours.notBefore}`;
  if (x509.validToDate.getTime() !== ours.notAfter) return `it ends ${x509.validTo} and not ${ours.notAfter}`;
  if (x509.ca && !ours.authority) return 'it is an authority';
  const read = textNames(x509);
  for (const { type, value } of ours.names) {
    if (type !== 'dns' && type !== 'uri' && type !== 'email') continue;
    // Escapes of what cannot be printed are Node's own, and no matcher of this run is for such.
    if (!/^[\x21-\x7e]*$/.test(value)) continue;
    if (!read.includes(`${type}:${value}`)) return `${type} ${value} is not among ${JSON.stringify(read)}`;
  }
  return null;
}

function textNames({ subjectAltName }: X509Certificate): string[] {
  const names: string[] = [];
  ENTRY.lastIndex = 0;
  for (;;) {
    const entry = ENTRY.exec(subjectAltName ?? '');
    if (entry === null || entry[0] === '') return names;
    const written = entry[2] ?? '';
    names.push(
      `${LABELS[entry[1] ?? ''] ?? entry[1]}:${written.startsWith('"') ? String(JSON.parse(written)) : written}`,
    );
  }
}
