import type { BodyReader, Call } from '@inmesh/core';

/** Bytes of names and values, as Envoy counts them. */
export function size(raw: readonly string[]): number {
  let bytes = 0;
  for (const text of raw) bytes += text.length;
  return bytes;
}

export function hasTrailers(reader: BodyReader): boolean {
  return reader.trailers() !== null;
}

/** Bytes that the body must have, as its owner or its headers say; null where neither does. */
export function declaredLength({ body, head }: Call): number | null {
  if (body?.length !== null && body?.length !== undefined) return body.length;
  const told = head.headers.get('content-length');
  return told === undefined ? null : Number(told);
}
