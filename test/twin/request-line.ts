import type { Pair } from './case.ts';

/** What must hold beyond both sides agreeing. */
export interface Expectation {
  readonly status: number;
  /** Response flags, such as `NR` or `URX,UF`; null: not said. */
  readonly flags: string | null;
  /** The recorder that got the last attempt; null: not said. */
  readonly recorder: string | null;
  /** Requests that arrived at recorders, all attempts; null: not said. */
  readonly arrivals: number | null;
  /** Path with which the last one arrived; null: not said. */
  readonly path: string | null;
  /** Its authority; null: not said. */
  readonly host: string | null;
  readonly body: string | null;
  /** Headers of the request as it arrived; null for one that must not be there. */
  readonly upstream: readonly (readonly [string, string | null])[];
  /** Headers of the response as the caller gets it. */
  readonly downstream: readonly (readonly [string, string | null])[];
}

/** What a line asks. */
export interface RequestText {
  readonly method: string;
  readonly authority: string;
  readonly path: string;
  readonly headers: readonly Pair[];
  readonly body: string | null;
}

export interface RequestLine extends RequestText {
  readonly expected: Expectation;
}

/**
 * Reads a request in one line:
 *
 *     GET shop.example/a?b [x-user: alice] "body" -> 200 one x2 /rewritten host=other [x-added: 1] [!x-removed] {server: x} {!via} "text" NR
 *
 * Before the arrow: method, host and path, headers, a body. After it: the status; the recorder that answered, in lower case; `x2`
 * requests that arrived there; path and host with which they arrived; `[…]` headers that arrived and `{…}` headers that came back,
 * `!` for none; the body that came back; response flags in capitals.
 */
export function parseRequestLine(line: string): RequestLine {
  const { request, expected } = readRequestLine(line);
  if (expected === null) throw new Error(`no " -> " in: ${line}; say at least the status that must come`);
  return { ...request, expected };
}

/** The same, where nothing need be expected. */
export function readRequestLine(line: string): {
  readonly request: RequestText;
  readonly expected: Expectation | null;
} {
  const arrow = line.lastIndexOf(' -> ');
  const text = arrow < 0 ? line : line.slice(0, arrow);
  // A target may have brackets of its own: `[::1]:80`.
  const [, method = '', target = '', tail = ''] = /^(\S+)\s+(\S+)(.*)$/s.exec(text.trim()) ?? [];
  const rest = tokens(tail);
  const slash = target.indexOf('/');
  const authority = slash < 0 ? target : target.slice(0, slash);
  const path = slash < 0 ? '/' : target.slice(slash);
  const headers: Pair[] = [];
  let body: string | null = null;
  for (const token of rest) {
    if (token.startsWith('[')) headers.push(pairOf(token, line) as Pair);
    else if (token.startsWith('"')) body = JSON.parse(token) as string;
    else throw new Error(`what is ${token} in: ${line}; write [name: value] or "body"`);
  }
  const request = { method, authority: authority || 'shop', path, headers, body };
  return { request, expected: arrow < 0 ? null : expectation(line, arrow) };
}

function expectation(line: string, arrow: number): Expectation {
  const [status = '', ...rest] = tokens(line.slice(arrow + 4));
  if (!/^\d{3}$/.test(status)) throw new Error(`no status after the arrow in: ${line}`);
  const upstream: (readonly [string, string | null])[] = [];
  const downstream: (readonly [string, string | null])[] = [];
  const said: { -readonly [K in keyof Expectation]?: Expectation[K] } = {};
  for (const token of rest) {
    if (token.startsWith('[')) upstream.push(pairOf(token, line));
    else if (token.startsWith('{')) downstream.push(pairOf(token, line));
    else if (token.startsWith('"')) said.body = JSON.parse(token) as string;
    else if (token.startsWith('/')) said.path = token;
    else if (token.startsWith('host=')) said.host = token.slice('host='.length);
    else if (/^x\d+$/.test(token)) said.arrivals = Number(token.slice(1));
    else if (/^[A-Z0-9,]+$|^-$/.test(token)) said.flags = token;
    else said.recorder = token;
  }
  const { flags = null, recorder = null, arrivals = null, path = null, host = null, body = null } = said;
  return { status: Number(status), flags, recorder, arrivals, path, host, body, upstream, downstream };
}

function tokens(text: string): string[] {
  return text.match(/\[(?:[^\]]|\](?=\S))*\]|\{(?:[^}]|\}(?=\S))*\}|"(?:[^"\\]|\\.)*"|\S+/g) ?? [];
}

/** `[name: value]` or `[!name]`. */
function pairOf(token: string, line: string): readonly [string, string | null] {
  const inner = token.slice(1, -1);
  if (inner.startsWith('!')) return [inner.slice(1).trim(), null];
  const colon = inner.indexOf(':', 1);
  if (colon < 0) throw new Error(`no colon in ${token} of: ${line}`);
  return [inner.slice(0, colon).trim(), inner.slice(colon + 1).trim()];
}
