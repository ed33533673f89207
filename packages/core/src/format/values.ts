import type { Head } from '../call.ts';
import type { Headers } from '../headers.ts';
import { isPseudoHeader, pseudoHeader } from '../match/header-match.ts';

/** The first value of a request header, pseudo headers included; null where there is none. `name` is in lower case. */
export function requestHeader(head: Head, name: string): string | null {
  return isPseudoHeader(name) ? pseudoHeader(head, name) : firstHeader(head.headers, name);
}

/** The first value of a header; null where there is none. `name` is in lower case. */
export function firstHeader(headers: Headers | null, name: string): string | null {
  if (headers === null || !headers.has(name)) return null;
  const pairs = headers.flat();
  for (let i = 0; i < pairs.length; i += 2) {
    if ((pairs[i] as string).toLowerCase() === name) return pairs[i + 1] as string;
  }
  return null;
}

/** What lies at a path in nested structs; undefined where nothing does. */
export function valueAt(root: unknown, path: readonly string[]): unknown {
  let value = root;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as { readonly [key: string]: unknown })[key];
  }
  return value;
}

/** A struct's value as a format shows it: strings as they are, all else as JSON; null for nothing. */
export function valueText(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  return typeof value === 'string' ? value : JSON.stringify(value);
}
