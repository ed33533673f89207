import { isDeepStrictEqual } from 'node:util';
import type { Pair } from './case.ts';
import { normalised } from './normalise.ts';
import type { Arrival, Observation } from './observation.ts';
import type { Both } from './twin.ts';

/** What the two sides disagree about, a line each; none where they agree. */
export function disagreements({ envoy, inmesh }: Both): string[] {
  const lines: string[] = [];
  const compare = (what: string, theirs: unknown, ours: unknown) => {
    if (!isDeepStrictEqual(theirs, ours)) lines.push(`${what}: envoy ${show(theirs)}, inmesh ${show(ours)}`);
  };
  compare('status', envoy.reply.status, inmesh.reply.status);
  if (isNoHttp(envoy)) {
    compare('recorders', recordersOf(envoy), recordersOf(inmesh));
    return lines;
  }
  compareHeaders(compare, 'response headers', envoy.reply.headers, inmesh.reply.headers, 'downstream');
  compare('response body', envoy.reply.body, inmesh.reply.body);
  // "Trailers and interim responses", "Expect: 100-continue"
  if (envoy.reply.trailers.length > 0) {
    compareHeaders(compare, 'response trailers', envoy.reply.trailers, inmesh.reply.trailers, 'downstream');
  }
  const interim = envoy.reply.informational.filter((status) => status !== 100);
  if (interim.length > 0) compare('interim responses', interim, inmesh.reply.informational);
  compare('broken off', envoy.reply.broken, inmesh.reply.broken);
  if (!isUntold(envoy) || inmesh.details !== null) {
    compare('details', shownDetails(envoy), shownDetails(inmesh));
    compare('flags', envoy.flags, inmesh.flags);
  }
  compare('cluster', envoy.cluster, inmesh.cluster);
  compare('recorders', recordersOf(envoy), recordersOf(inmesh));
  if (envoy.arrivals.length === inmesh.arrivals.length) {
    for (const [index, theirs] of envoy.arrivals.entries()) {
      compareArrivals(compare, index, theirs, inmesh.arrivals[index] as Arrival);
    }
  }
  return lines;
}

type Compare = (what: string, theirs: unknown, ours: unknown) => void;

function compareArrivals(compare: Compare, index: number, theirs: Arrival, ours: Arrival): void {
  const which = index === 0 ? 'upstream' : `upstream, attempt ${index + 1}`;
  compare(`${which} method`, theirs.method, ours.method);
  compare(`${which} path`, theirs.path, ours.path);
  compareHeaders(compare, `${which} headers`, theirs.headers, ours.headers, 'upstream');
  compare(`${which} body`, theirs.body, ours.body);
  compare(`${which} wire`, theirs.wire, ours.wire);
}

/** The names with their values in order; the order among different names means nothing (RFC 9110, 5.3) and is not compared. */
function compareHeaders(
  compare: Compare,
  what: string,
  theirs: readonly Pair[],
  ours: readonly Pair[],
  where: 'upstream' | 'downstream',
): void {
  const left = byName(normalised(theirs, where));
  const right = byName(normalised(ours, where));
  for (const name of new Set([...left.keys(), ...right.keys()])) {
    compare(`${what}, ${name}`, left.get(name), right.get(name));
  }
}

function byName(headers: readonly Pair[]): Map<string, string[]> {
  const result = new Map<string, string[]>();
  for (const [name, value] of headers) {
    const values = result.get(name);
    if (values === undefined) result.set(name, [value]);
    else values.push(value);
  }
  return result;
}

/** "What is no HTTP": the verdict is compared, not its words. */
function isNoHttp({ details }: Observation): boolean {
  return details?.startsWith('http1.') === true;
}

const UNTOLD: ReadonlySet<string> = new Set(['cors_response', 'direct_response', 'internal_redirect']);

/** "Flags and details of good answers": there is no error behind them that inmesh could tell. */
function isUntold({ details, reply }: Observation): boolean {
  return !reply.broken && (details === null || UNTOLD.has(details) || reply.status === 307 || reply.status === 101);
}

/** Behind `|` Envoy puts what the platform said, in the platform's words. */
function shownDetails({ details }: Observation): string | null {
  return details?.replace(/\|.*}$/, '}') ?? null;
}

function recordersOf({ arrivals }: Observation): string[] {
  return arrivals.map(({ recorder }) => recorder);
}

function show(value: unknown): string {
  return value === undefined ? 'none' : JSON.stringify(value);
}
