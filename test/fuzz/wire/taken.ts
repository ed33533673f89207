import type { Headers } from '@inmesh/core';

/** A response that was taken for a good one. */
export interface Taken {
  readonly method: string;
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
  readonly trailers: Headers;
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Throws what is wrong with a response that no answer of any server could lead to. */
export function checkHeaders(headers: Headers, forbidden: ReadonlySet<string>): void {
  for (const [name, value] of headers) {
    if (!TOKEN.test(name)) throw new Error(`took ${JSON.stringify(name)} for the name of a header`);
    if (/[\0\r\n]/.test(value)) throw new Error(`took ${JSON.stringify(value)} for the value of a header`);
    if (forbidden.has(name.toLowerCase())) throw new Error(`let the header ${name} through`);
  }
}

export function checkBody(body: Buffer, sent: Buffer): void {
  if (!body.equals(sent)) throw new Error(`took ${body.length} bytes for a body of which ${sent.length} were sent`);
}

/** True where a response has no body, whatever its headers say. (RFC 9110, 6.4.1) */
export function isBodiless({ method, status }: Taken): boolean {
  return method === 'HEAD' || status === 204 || status === 304;
}
