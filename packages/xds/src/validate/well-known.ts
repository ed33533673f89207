import { isIP } from 'node:net';
import type { KnownRegex } from '@inmesh/api/gen/validate/validate_pb';
import type { Check } from './field-checks.ts';

/** Numbers of validate.KnownRegex, whose generated constants exist as types only. */
const HTTP_HEADER_NAME: KnownRegex = 1;
const HTTP_HEADER_VALUE: KnownRegex = 2;

/** protoc-gen-validate's own expressions; `+-.` in the first is its range from plus to dot. */
const strictName = /^:?[0-9a-zA-Z!#$%&'*+-.^_|~`]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
const strictValue = /^[^\u0000-\u0008\u000A-\u001F\u007F]*$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
const lax = /^[^\u0000\u000A\u000D]*$/;

/** Rules of `well_known_regex`; without `strict` only what would split a header is refused. */
export function knownRegexCheck(known: KnownRegex, strict: boolean): Check[] {
  const name = known === HTTP_HEADER_NAME ? 'HTTP_HEADER_NAME' : 'HTTP_HEADER_VALUE';
  if (known !== HTTP_HEADER_NAME && known !== HTTP_HEADER_VALUE) return [];
  const pattern = !strict ? lax : known === HTTP_HEADER_NAME ? strictName : strictValue;
  return [(value) => (pattern.test(value as string) ? null : `value does not match ${name}`)];
}

export type WellKnownString = 'email' | 'hostname' | 'ip' | 'ipv4' | 'ipv6' | 'uri' | 'uriRef' | 'address' | 'uuid';

const tests: { readonly [K in WellKnownString]: (text: string) => boolean } = {
  email: (text) => /^[^\s@]+@[^\s@]+$/.test(text),
  hostname: isHostname,
  ip: (text) => isIP(text) !== 0,
  ipv4: (text) => isIP(text) === 4,
  ipv6: (text) => isIP(text) === 6,
  uri: (text) => URL.canParse(text),
  uriRef: (text) => URL.canParse(text, 'http://base'),
  address: (text) => isIP(text) !== 0 || isHostname(text),
  uuid: (text) => /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(text),
};

/** Rules such as `hostname: true`. */
export function wellKnownStringCheck(kind: WellKnownString): Check {
  const test = tests[kind];
  return (value) => (test(value as string) ? null : `value must be a valid ${kind}`);
}

function isHostname(text: string): boolean {
  const name = text.endsWith('.') ? text.slice(0, -1) : text;
  return name.length <= 253 && name.split('.').every((label) => /^[\da-z]([\da-z-]{0,61}[\da-z])?$/i.test(label));
}
