import type { Head } from '../../call.ts';
import type { Headers } from '../../headers.ts';
import type { Clock } from '../../util/clock.ts';
import type { SessionStateConfig } from './config.ts';
import { sessionCookie } from './cookie.ts';

/** How the host of a session travels with its calls. */
export interface SessionState {
  /** False where calls of this path have no session. */
  covers(path: string): boolean;
  /** Takes the host from a request, as `address:port`; null where it has none. */
  read(head: Head): string | null;
  /** Tells the caller which host answered; `asked` is the one that its request named. */
  write(headers: Headers, host: string, asked: string | null): void;
}

export function sessionState(config: SessionStateConfig, clock: Clock): SessionState {
  switch (config.kind) {
    case 'cookie':
      return sessionCookie(config.cookie, clock);
    case 'header':
      return headerState(config.name);
    case 'envelope':
      return envelopeState(config.name);
  }
}

function headerState(name: string): SessionState {
  return {
    covers: () => true,
    read: ({ headers }) => decoded(headers.get(name) ?? ''),
    write(headers, host, asked) {
      if (host !== asked) headers.set(name, encoded(host));
    },
  };
}

const ORIGINAL = 'UV:';

function envelopeState(name: string): SessionState {
  return {
    covers: () => true,
    read({ headers }) {
      const [host = '', ...parts] = (headers.get(name) ?? '').split(';').filter((part) => part !== '');
      const original = decoded(parts.find((part) => part.startsWith(ORIGINAL))?.slice(ORIGINAL.length) ?? '');
      if (original === null) return null;
      headers.set(name, original);
      return decoded(host);
    },
    write(headers, host) {
      const values = [...headers].filter(([each]) => each.toLowerCase() === name);
      const [value] = values;
      if (value !== undefined && values.length === 1)
        headers.set(name, `${encoded(host)};${ORIGINAL}${encoded(value[1])}`);
    },
  };
}

function encoded(text: string): string {
  return Buffer.from(text, 'latin1').toString('base64');
}

/** Null for what is none, or holds nothing. */
function decoded(text: string): string | null {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text) || text.length % 4 !== 0) return null;
  return Buffer.from(text, 'base64').toString('latin1') || null;
}
