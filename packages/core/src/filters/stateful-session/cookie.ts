import type { Clock } from '../../util/clock.ts';
import type { SessionCookie } from './config.ts';
import type { SessionState } from './session-state.ts';

/** The host in a cookie: Envoy's message (`address` 1, `expires` 2, seconds), in base64. */
export function sessionCookie({ name, path, ttl, attributes }: SessionCookie, clock: Clock): SessionState {
  const rest =
    (ttl > 0 ? `; Max-Age=${ttl}` : '') +
    (path === '' ? '' : `; Path=${path}`) +
    attributes.map((each) => `; ${each.name}${each.value === '' ? '' : `=${each.value}`}`).join('');
  const now = () => Math.floor(clock.wallNow() / 1000);
  return {
    covers: (requested) => isUnder(requested, path),
    read({ headers }) {
      const text = cookieIn(headers.get('cookie') ?? '', name);
      return text === null ? null : hostIn(Buffer.from(text, 'base64'), now());
    },
    write(headers, host, asked) {
      if (host === asked) return;
      const value = message(host, ttl > 0 ? now() + ttl : 0).toString('base64');
      headers.append('set-cookie', `${name}="${value}"${rest}; HttpOnly`);
    },
  };
}

/** As browsers match the paths of cookies. */
function isUnder(requested: string, path: string): boolean {
  if (path === '' || path === '/') return true;
  if (!requested.startsWith(path)) return false;
  if (path.endsWith('/') || requested.length === path.length) return true;
  return '/?#'.includes(requested[path.length] as string);
}

function cookieIn(header: string, name: string): string | null {
  for (const pair of header.split(/[;,]/)) {
    const equals = pair.indexOf('=');
    if (equals < 0 || pair.slice(0, equals).trim() !== name) continue;
    const value = pair.slice(equals + 1).trim();
    return value.startsWith('"') && value.endsWith('"') && value.length > 1 ? value.slice(1, -1) : value;
  }
  return null;
}

function message(address: string, expires: number): Buffer {
  const bytes = [0x0a, address.length, ...Buffer.from(address, 'latin1')];
  if (expires > 0) bytes.push(0x10, ...varint(expires));
  return Buffer.from(bytes);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let left = value;
  for (; left >= 0x80; left = Math.floor(left / 0x80)) bytes.push((left % 0x80) + 0x80);
  return [...bytes, left];
}

/** Null for a message that is none, has no address, or is over. */
function hostIn(bytes: Buffer, now: number): string | null {
  const length = bytes[1] ?? 0;
  if (bytes[0] !== 0x0a || length === 0 || length > 0x7f || bytes.length < 2 + length) return null;
  const address = bytes.toString('latin1', 2, 2 + length);
  const tail = bytes.subarray(2 + length);
  if (tail.length === 0) return address;
  if (tail[0] !== 0x10) return null;
  let expires = 0;
  for (let i = 1, scale = 1; i < tail.length && i < 10; i++, scale *= 0x80)
    expires += ((tail[i] as number) & 0x7f) * scale;
  return expires > now ? address : null;
}
