/** One block of PEM. (RFC 7468) */
export function pemOf(label: string, der: ArrayBuffer | Uint8Array): string {
  const bytes = der instanceof Uint8Array ? Buffer.from(der.buffer, der.byteOffset, der.byteLength) : Buffer.from(der);
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----([A-Za-z0-9+/=\s]*)-----END \1-----/g;

/** The blocks of that label, in order; what stands between blocks is a comment. */
export function derBlocks(pem: string, label: string): Buffer[] {
  return [...pem.matchAll(BLOCK)]
    .filter((block) => block[1] === label)
    .map((block) => Buffer.from(block[2] ?? '', 'base64'));
}
