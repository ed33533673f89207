import type { Pair } from './case.ts';

/** A request as a recorder got it. */
export interface Arrival {
  readonly recorder: string;
  readonly method: string;
  /** With the query string, as it stood on the wire. */
  readonly path: string;
  /** In order and letter case, `Host` included. */
  readonly headers: readonly Pair[];
  readonly body: string;
  readonly trailers: readonly Pair[];
  /** Port of the other side: the same for requests on one connection. */
  readonly connection: number;
  /** Which HTTP was spoken, and what was said in the handshake, where there was one. */
  readonly wire: string;
}

/** What came back to the caller. */
export interface Reply {
  /** 0: nothing came back at all. */
  readonly status: number;
  readonly headers: readonly Pair[];
  readonly body: string;
  readonly trailers: readonly Pair[];
  /** Statuses of interim responses. */
  readonly informational: readonly number[];
  /** True where the response broke off, or none came. */
  readonly broken: boolean;
}

/** All that one side shows of one call. */
export interface Observation {
  readonly side: 'envoy' | 'inmesh';
  readonly reply: Reply;
  /** Response flags; `-` for none. */
  readonly flags: string;
  /** Response code details; null where an upstream answered. */
  readonly details: string | null;
  /** The chosen cluster, and the address of the last endpoint; null for none. */
  readonly cluster: string | null;
  readonly endpoint: string | null;
  /** In the order in which they came, shadows included. */
  readonly arrivals: readonly Arrival[];
}

/** The values of a header, in order. */
export function valuesOf(headers: readonly Pair[], name: string): string[] {
  return headers.filter(([each]) => each.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
}

/** node's flat list of headers in pairs. */
export function pairs(flat: readonly (string | Buffer)[]): Pair[] {
  const result: Pair[] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) result.push([text(flat[i]), text(flat[i + 1])]);
  return result;
}

function text(value: string | Buffer | undefined): string {
  return value === undefined ? '' : typeof value === 'string' ? value : value.toString('latin1');
}
