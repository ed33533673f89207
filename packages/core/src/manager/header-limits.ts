import type { Head } from '../call.ts';
import { MeshError } from '../errors.ts';
import type { HeaderLimits } from '../model/connection-manager.ts';

/** Why a request's headers are more than may be; null where they are not. `Host` counts, as it does on the wire. */
export function exceeded({ maxBytes, maxCount }: HeaderLimits, head: Head): MeshError | null {
  const pairs = head.headers.flat();
  const count = pairs.length / 2 + 1;
  if (count > maxCount) {
    return tooMuch(`the request has ${count} headers; at most ${maxCount} may be`, 'http1.too_many_headers');
  }
  let bytes = head.path.length + head.authority.length;
  for (const text of pairs) bytes += text.length;
  if (bytes <= maxBytes) return null;
  return tooMuch(`the request has ${bytes} bytes of headers; at most ${maxBytes} may be`, 'http1.headers_too_large');
}

const TOO_LARGE = 'Request Header Fields Too Large';

function tooMuch(message: string, details: string): MeshError {
  return new MeshError('request_too_large', message, { status: 431, flag: 'DPE', details, body: TOO_LARGE });
}

/** Does what the rules say of names with `_`; an error where such a request is refused. */
export function checkUnderscores({ underscores }: HeaderLimits, { headers }: Head): MeshError | null {
  if (underscores === 'allow') return null;
  const names = new Set<string>();
  for (const [name] of headers) if (name.includes('_')) names.add(name);
  if (names.size === 0) return null;
  if (underscores === 'drop') {
    for (const name of names) headers.delete(name);
    return null;
  }
  const message = `the header ${[...names][0]} has an underscore in its name`;
  return new MeshError('invalid_request', message, {
    flag: 'DPE',
    details: 'http1.unexpected_underscore',
    body: 'Bad Request',
  });
}
