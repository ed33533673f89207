import { Headers } from '@inmesh/core';

/** The headers of a request as they came in, and what they say about the request itself. */
export interface RequestHeaders {
  readonly headers: Headers;
  /** The caller's own `Host`; null where it gave none. */
  readonly host: string | null;
}

/** Takes what undici's dispatchers take as headers: flat pairs, an iterable of pairs, or an object. */
export function requestHeaders(source: unknown): RequestHeaders {
  const taken = new Taken();
  if (source === null || source === undefined) return taken;
  if (Array.isArray(source) && !Array.isArray(source[0])) {
    if (source.length % 2 !== 0) throw new TypeError('a flat list of headers must have an even length');
    for (let i = 0; i < source.length; i += 2) taken.add(String(source[i]), source[i + 1]);
  } else if (typeof source === 'object' && Symbol.iterator in source) {
    for (const [name, value] of source as Iterable<[string, unknown]>) taken.add(name, value);
  } else if (typeof source === 'object') {
    for (const name of Object.keys(source)) taken.add(name, (source as Record<string, unknown>)[name]);
  } else {
    throw new TypeError('headers must be an object, a list or an iterable of pairs');
  }
  return taken;
}

class Taken implements RequestHeaders {
  host: string | null = null;
  readonly #pairs: string[] = [];

  get headers(): Headers {
    return Headers.from(this.#pairs);
  }

  add(name: string, value: unknown): void {
    if (value === undefined) return;
    if (Array.isArray(value)) {
      for (const one of value) this.add(name, one);
      return;
    }
    const text = typeof value === 'string' ? value : value === null ? '' : String(value);
    if (name.length === 4 && name.toLowerCase() === 'host') this.host = trimmed(text);
    else this.#pairs.push(name, trimmed(text));
  }
}

/** Blanks around a value are none of it (RFC 9110, 5.5): a matcher here must not see what no server would. */
function trimmed(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return end - start === text.length ? text : text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
