import type { Answer, Ask, Case } from './case.ts';
import type { Sent } from './clients.ts';
import { disagreements } from './compare.ts';
import { broken } from './expectation.ts';
import type { PlacedCase } from './feed.ts';
import type { Observation } from './observation.ts';
import { parseRequestLine, type RequestLine } from './request-line.ts';
import { bounds } from './shares.ts';
import type { Both, Twin } from './twin.ts';

/** What came of a case: nothing to say where it holds. */
export interface Verdict {
  readonly area: string;
  readonly definition: Case;
  readonly problems: readonly string[];
}

/** Calls of a split that are under way at once, on each side. */
const SPLIT_CONCURRENCY = 25;

/** Runs the requests of a case, one after the other, through both sides. */
export async function runCase(twin: Twin, { definition, name, port }: PlacedCase): Promise<string[]> {
  const problems: string[] = [];
  for (const request of definition.requests) {
    const ask: Ask = typeof request === 'string' ? { line: request } : request;
    const said = (lines: readonly string[]) => problems.push(...lines.map((line) => `${ask.line}\n      ${line}`));
    try {
      const line = parseRequestLine(ask.line);
      const call = () => twin.ask(name, port, sentOf(ask, line), answersOf(ask));
      if (ask.split !== undefined) said(await splitProblems(ask, call));
      else said(problemsOf(line, await call()));
    } catch (error) {
      said([error instanceof Error ? (error.stack ?? error.message) : String(error)]);
    }
  }
  return problems;
}

/** What is wrong with one request: the sides disagree, or either is not what the case says. */
export function problemsOf({ expected }: RequestLine, both: Both): string[] {
  return [...disagreements(both), ...broken(expected, both.envoy), ...broken(expected, both.inmesh)];
}

function sentOf(ask: Ask, line: RequestLine): Sent {
  const body = ask.body ?? line.body;
  return {
    method: line.method,
    authority: line.authority,
    path: line.path,
    headers: [...line.headers, ...(ask.headers ?? [])],
    body: body === null ? null : Buffer.from(body),
  };
}

function answersOf({ answer = [] }: Ask): readonly Answer[] {
  return Array.isArray(answer) ? (answer as readonly Answer[]) : [answer as Answer];
}

/** Calls `times` times; where the calls went is what is looked at, on each side for itself. */
async function splitProblems({ times = 1, split = {} }: Ask, call: () => Promise<Both>): Promise<string[]> {
  const counts = { envoy: new Map<string, number>(), inmesh: new Map<string, number>() };
  const count = ({ side, arrivals, reply }: Observation) => {
    // A call that reached nobody counts under the status that came instead.
    const place = arrivals.at(-1)?.recorder ?? String(reply.status);
    counts[side].set(place, (counts[side].get(place) ?? 0) + 1);
  };
  for (let done = 0; done < times; done += SPLIT_CONCURRENCY) {
    const some = Array.from({ length: Math.min(SPLIT_CONCURRENCY, times - done) }, call);
    for (const both of await Promise.all(some)) {
      count(both.envoy);
      count(both.inmesh);
    }
  }
  const problems: string[] = [];
  for (const side of ['envoy', 'inmesh'] as const) {
    for (const place of new Set([...Object.keys(split), ...counts[side].keys()])) {
      const { least, most } = bounds(times, split[place] ?? 0);
      const got = counts[side].get(place) ?? 0;
      if (got < least || got > most) problems.push(`${side}: ${place} got ${got} of ${times}, not ${least} to ${most}`);
    }
  }
  return problems;
}
