import type { Head } from '../call.ts';
import { MeshError } from '../errors.ts';

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const NO_PATH = /[^\x21-\x7e]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const NO_VALUE = /[\x00-\x08\x0a-\x1f\x7f]/;

/**
 * What is wrong with a request that no codec will look at, because its route answers it; null where it is HTTP (RFC 9110, 5.1 and 5.5;
 * RFC 9112, 3). What goes to a service is looked at where it is written. Texts are shown escaped, because what is wrong in them is
 * what ends lines in logs; values, which may be secrets, are not shown.
 */
export function malformed({ method, path, authority, headers }: Head): MeshError | null {
  if (!TOKEN.test(method)) return refusal('method', method);
  if (NO_PATH.test(path)) return refusal('path', path);
  if (NO_VALUE.test(authority)) return refusal('authority', authority);
  for (const [name, value] of headers) {
    if (!TOKEN.test(name)) return refusal('header name', name);
    if (NO_VALUE.test(value)) return refusal('value of the header', name);
  }
  return null;
}

function refusal(what: string, text: string): MeshError {
  const message = `the ${what} ${JSON.stringify(text.slice(0, 100))} is no HTTP; leave out what must not stand there`;
  return new MeshError('invalid_request', message, { flag: 'DPE', body: 'Bad Request' });
}
