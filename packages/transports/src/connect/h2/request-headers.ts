import type { Head } from '@inmesh/core';

/** Of an HTTP/1 connection; HTTP/2 has no place for them. (RFC 9113, 8.2.2) `host` is told as `:authority`. */
const DROPPED: ReadonlySet<string> = new Set([
  'connection',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/** Methods whose requests say that they have no body; others need not. (RFC 9110, 8.6) */
const TELLS_EMPTY: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

/** Visible ASCII, blanks, and the bytes above: anything else would end a value, or be cut to another byte, on its way. (RFC 9110, 5.5) */
const ILLEGAL = /[^\t\x20-\x7e\x80-\xff]/;

/** A path has visible ASCII only; Envoy takes no other, whatever HTTP it came by. (RFC 3986, 3.3) */
const INVISIBLE = /[^\x21-\x7e]/;

/** Of names and methods: nothing else checks them on their way, and HTTP/2 could carry what ends a line elsewhere. (RFC 9110, 5.6.2) */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** The header list of a request, pseudo headers first. Throws an error that names what cannot be sent. */
export function requestHeaders(head: Head, bodyLength: number | null): string[] {
  const { method, authority, path, scheme } = head;
  if (!TOKEN.test(method)) throw new Error('invalid character in the method');
  if (INVISIBLE.test(path) || ILLEGAL.test(authority))
    throw new Error('invalid character in the path or the authority');
  const list =
    head.upgrade === null
      ? method === 'CONNECT'
        ? [':method', method, ':authority', authority]
        : [':method', method, ':scheme', scheme, ':authority', authority, ':path', path]
      : // An upgrade is an extended CONNECT here, as Envoy sends it. (RFC 8441)
        [':method', 'CONNECT', ':protocol', head.upgrade, ':scheme', scheme, ':authority', authority, ':path', path];
  const flat = head.headers.flat();
  const nominated = head.headers.get('connection');
  let cookie = -1;
  let length: string | null = null;
  for (let i = 0; i < flat.length; i += 2) {
    const name = (flat[i] as string).toLowerCase();
    const value = flat[i + 1] as string;
    if (!TOKEN.test(name)) throw new Error(`the name of a header is no token: ${JSON.stringify(name)}`);
    if (ILLEGAL.test(value)) throw new Error(`invalid character in the value of header "${name}"`);
    if (DROPPED.has(name)) {
      if (name === 'te' && hasToken(value, 'trailers')) list.push('te', 'trailers');
      continue;
    }
    if (nominated !== undefined && hasToken(nominated, name)) continue;
    if (name === 'cookie') {
      // As Envoy: what came in crumbs goes on whole.
      if (cookie >= 0) {
        list[cookie] = `${list[cookie]}; ${value}`;
        continue;
      }
      cookie = list.length + 1;
    } else if (name === 'content-length') {
      if (length !== null && length !== value) throw new Error('more than one content-length');
      if (length !== null) continue;
      length = value;
    }
    list.push(name, value);
  }
  tellLength(list, head, length, bodyLength);
  return list;
}

/** A trailer list; what cannot be sent is an error. */
export function requestTrailers(flat: readonly string[]): Record<string, string[]> {
  const trailers: Record<string, string[]> = Object.create(null);
  for (let i = 0; i < flat.length; i += 2) {
    const name = (flat[i] as string).toLowerCase();
    const value = flat[i + 1] as string;
    if (DROPPED.has(name) || name.startsWith(':')) continue;
    if (!TOKEN.test(name)) throw new Error(`the name of a trailer is no token: ${JSON.stringify(name)}`);
    if (ILLEGAL.test(value)) throw new Error(`invalid character in the value of trailer "${name}"`);
    const values = trailers[name];
    if (values === undefined) trailers[name] = [value];
    else values.push(value);
  }
  return trailers;
}

function tellLength(list: string[], { method, upgrade }: Head, told: string | null, bodyLength: number | null): void {
  if (upgrade !== null || bodyLength === null) return;
  if (told !== null) {
    if (Number(told) !== bodyLength) throw new Error(`content-length says ${told}, the body has ${bodyLength} bytes`);
  } else if (bodyLength > 0 || TELLS_EMPTY.has(method)) {
    list.push('content-length', `${bodyLength}`);
  }
}

function hasToken(value: string, token: string): boolean {
  return value === token || value.split(',').some((one) => one.trim().toLowerCase() === token);
}
