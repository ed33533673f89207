import type { SanType, SubjectAltName } from '@inmesh/core';

const TYPES: ReadonlyMap<string, SanType> = new Map([
  ['DNS', 'dns'],
  ['URI', 'uri'],
  ['IP Address', 'ip_address'],
  ['email', 'email'],
]);

/** `TYPE:value`; a value that holds what could be taken for the next entry is written as a JSON string. */
const ENTRY = /\s*([^:,]+):("(?:[^"\\]|\\.)*"|(?!")[^,]*)(?:,|$)/y;

/** Names in the text that Node gives of a peer's certificate (`subjectaltname`); none where any of it cannot be read. */
export function peerNames(text: string | undefined): SubjectAltName[] {
  if (text === undefined) return [];
  const names: SubjectAltName[] = [];
  ENTRY.lastIndex = 0;
  while (ENTRY.lastIndex < text.length) {
    const entry = ENTRY.exec(text);
    if (entry === null) return [];
    const written = entry[2] ?? '';
    names.push({
      type: TYPES.get(entry[1] ?? '') ?? null,
      value: written.startsWith('"') ? unquoted(written) : written,
    });
  }
  return names;
}

function unquoted(text: string): string {
  try {
    return String(JSON.parse(text));
  } catch {
    return '';
  }
}
