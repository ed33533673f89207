import type { Answer, Ask, Case } from './case.ts';
import type { Sent } from './clients.ts';
import { disagreements } from './compare.ts';
import { broken } from './expectation.ts';
import type { PlacedCase } from './feed.ts';
import type { Arrival, Observation } from './observation.ts';
import { print } from './report.ts';
import { type Expectation, parseRequestLine, type RequestText } from './request-line.ts';
import { bounds, sameShare } from './shares.ts';
import type { Both, Twin } from './twin.ts';

/** What came of a case: nothing to say where it holds. */
export interface Verdict {
  readonly area: string;
  readonly definition: Case;
  readonly problems: readonly string[];
}

/** A request, in which way soever it was given. */
export interface AnyAsk extends RequestText, Omit<Ask, 'line' | 'headers' | 'body'> {
  readonly expected: Expectation | null;
}

/** Cases of one run in which a call may be lost by Envoy alone. */
const LOST_AT_MOST = 3;

/** Calls of a split that are under way at once, on each side. */
const SPLIT_CONCURRENCY = 25;

/** Runs the requests of a case, one after the other, through both sides. */
export async function runCase(twin: Twin, { definition, name, port }: PlacedCase): Promise<string[]> {
  const problems: string[] = [];
  for (const request of definition.requests) {
    const ask: Ask = typeof request === 'string' ? { line: request } : request;
    const said = (lines: readonly string[]) => problems.push(...lines.map((line) => `${ask.line}\n      ${line}`));
    try {
      const { differences } = await judgeAsk(twin, { service: name, port }, fromAsk(ask));
      said(differences);
    } catch (error) {
      said([error instanceof Error ? (error.stack ?? error.message) : String(error)]);
    }
  }
  return problems;
}

/** What came of one request through both, and what is wrong with it: the sides disagree, or either is not what was expected. */
export async function judgeAsk(
  twin: Twin,
  { service, port }: { readonly service: string; readonly port: number },
  ask: AnyAsk,
): Promise<{ outcome: string; differences: readonly string[] }> {
  const answers = answersOf(ask);
  const { http2 } = twin.recorders.upstream;
  // Bytes that stand for a broken HTTP/1 are no HTTP/2, either.
  if (http2 && (ask.http1 === true || answers.some(({ raw }) => raw !== undefined)))
    return { outcome: 'not for HTTP/2', differences: [] };
  // A stream that is reset leaves its connection as it is, and is told otherwise: that both do so is what counts.
  const expected = http2 && answers.some(({ reset }) => reset !== undefined) ? null : ask.expected;
  const call = () => twin.ask(service, port, sentOf(ask), answers, ask.unlogged !== true);
  if (ask.times !== undefined) return splitProblems(ask.times, ask.split ?? null, call);
  const both = await repeatedWhereLost(twin, service, expected, call, ask.copies === true);
  return { outcome: outcomeOf(both.envoy), differences: problemsOf(expected, both) };
}

/**
 * On a busy machine Envoy gets no answer over TLS to about one call in some thousands, though the upstream sent one, and gives up with a 504 that its case
 * does not expect. Where that is all that is wrong with it, both are asked once more; it is said, and `LOST_AT_MOST` of a run may be so.
 */
async function repeatedWhereLost(
  twin: Twin,
  service: string,
  expected: Expectation | null,
  call: () => Promise<Both>,
  copies: boolean,
): Promise<Both> {
  const ask = async () => (copies ? inOrder(await call()) : await call());
  const both = await ask();
  const lost = expected !== null && expected.status !== 504 && both.envoy.reply.status === 504;
  if (!lost || broken(expected, both.inmesh).length > 0 || twin.lost.size >= LOST_AT_MOST) return both;
  twin.lost.add(service);
  print(`asked again: Envoy alone answered a call of ${service} with 504`);
  return ask();
}

/** The sides disagree, or either is not what was expected. */
export function problemsOf(expected: Expectation | null, both: Both): string[] {
  const missed = expected === null ? [] : [...broken(expected, both.envoy), ...broken(expected, both.inmesh)];
  return [...disagreements(both), ...missed];
}

function inOrder({ envoy, inmesh }: Both): Both {
  const sorted = (side: Observation): Observation => ({
    ...side,
    arrivals: side.arrivals.toSorted((a, b) => keyOf(a).localeCompare(keyOf(b))),
  });
  return { envoy: sorted(envoy), inmesh: sorted(inmesh) };
}

function keyOf({ recorder, headers }: Arrival): string {
  return `${recorder} ${headers.find(([name]) => name.toLowerCase() === 'host')?.[1] ?? ''}`;
}

function fromAsk({ line, headers = [], body, ...rest }: Ask): AnyAsk {
  const read = parseRequestLine(line);
  const own = body === undefined ? read.body : Buffer.from(body).toString('latin1');
  return { ...read, ...rest, headers: [...read.headers, ...headers], body: own };
}

function sentOf({ method, authority, path, headers, body, raw = false, copies, expected }: AnyAsk): Sent {
  return {
    method,
    authority,
    path,
    headers,
    body: body === null ? null : Buffer.from(body, 'latin1'),
    raw,
    ...(copies === true ? { copies: expected?.arrivals ?? 0 } : {}),
  };
}

function answersOf({ answer = [] }: AnyAsk): readonly Answer[] {
  return Array.isArray(answer) ? (answer as readonly Answer[]) : [answer as Answer];
}

function outcomeOf({ reply, flags, cluster, endpoint }: Observation): string {
  const where = cluster === null ? '' : ` by ${cluster}${endpoint === null ? '' : ` (${endpoint})`}`;
  return `${reply.status}${flags === '-' ? '' : ` ${flags}`}${where}`;
}

/**
 * Calls so many times; where the calls went is what is looked at: on each side against the shares, or, where none are given, on one
 * against the other.
 */
async function splitProblems(
  times: number,
  split: Readonly<Record<string, number>> | null,
  call: () => Promise<Both>,
): Promise<{ outcome: string; differences: string[] }> {
  const counts = { envoy: new Map<string, number>(), inmesh: new Map<string, number>() };
  const count = ({ side, arrivals, reply, cluster, flags }: Observation) => {
    // A call that no recorder saw counts under its cluster, or under the status that a failure or a route gave instead.
    const place = arrivals.at(-1)?.recorder ?? (flags === '-' ? cluster : null) ?? String(reply.status);
    counts[side].set(place, (counts[side].get(place) ?? 0) + 1);
  };
  for (let done = 0; done < times; done += SPLIT_CONCURRENCY) {
    const some = Array.from({ length: Math.min(SPLIT_CONCURRENCY, times - done) }, call);
    for (const both of await Promise.all(some)) {
      count(both.envoy);
      count(both.inmesh);
    }
  }
  const differences: string[] = [];
  for (const place of new Set([...Object.keys(split ?? {}), ...counts.envoy.keys(), ...counts.inmesh.keys()])) {
    const theirs = counts.envoy.get(place) ?? 0;
    const ours = counts.inmesh.get(place) ?? 0;
    if (split === null) {
      if (!sameShare(times, theirs, ours)) differences.push(`${place}: envoy ${theirs} of ${times}, inmesh ${ours}`);
      continue;
    }
    const { least, most } = bounds(times, split[place] ?? 0);
    for (const [side, got] of [['envoy', theirs] as const, ['inmesh', ours] as const]) {
      if (got < least || got > most)
        differences.push(`${side}: ${place} got ${got} of ${times}, not ${least} to ${most}`);
    }
  }
  return { outcome: [...counts.envoy].map(([place, each]) => `${each} ${place}`).join(', '), differences };
}
