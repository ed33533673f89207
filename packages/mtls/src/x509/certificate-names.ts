import type { SubjectAltName } from '@inmesh/core';
import { readCertificate } from './certificate.ts';

/** Names that a certificate (DER) is for; none where it cannot be read, so that no matcher takes it. */
export function certificateNames(der: Uint8Array): readonly SubjectAltName[] {
  try {
    return readCertificate(der).names;
  } catch {
    return [];
  }
}

/** Names as an error shows them: the certificate is a stranger's, and its names must not write lines of their own into a log. */
export function describeNames(names: readonly SubjectAltName[]): string {
  if (names.length === 0) return 'nobody';
  const shown = names.slice(0, MAX_SHOWN).map(({ type, value }) => `${type ?? 'other'} ${printable(value)}`);
  return names.length > MAX_SHOWN ? `${shown.join(', ')} and ${names.length - MAX_SHOWN} more` : shown.join(', ');
}

/** An error is for reading. */
const MAX_SHOWN = 8;
const MAX_LENGTH = 256;

function printable(value: string): string {
  const text = value
    .slice(0, MAX_LENGTH)
    .replace(/[^\x21-\x7e]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return value.length > MAX_LENGTH ? `${text}…` : text;
}
