import { type Observation, valuesOf } from './observation.ts';
import type { Expectation } from './request-line.ts';

/** Where one side is not what the case says, a line each. */
export function broken(expected: Expectation, seen: Observation): string[] {
  const lines: string[] = [];
  const want = (what: string, wanted: unknown, got: unknown) => {
    if (wanted !== got) lines.push(`${seen.side}: ${what} is ${JSON.stringify(got)}, not ${JSON.stringify(wanted)}`);
  };
  const last = seen.arrivals.at(-1);
  want('status', expected.status, seen.reply.status);
  if (expected.flags !== null) want('flag', expected.flags, seen.flags);
  if (expected.recorder !== null) want('recorder', expected.recorder, last?.recorder);
  if (expected.arrivals !== null) want('number of arrivals', expected.arrivals, seen.arrivals.length);
  if (expected.path !== null) want('path upstream', expected.path, last?.path);
  if (expected.host !== null) want('host upstream', expected.host, valuesOf(last?.headers ?? [], 'host').join());
  if (expected.body !== null) want('body', expected.body, seen.reply.body);
  for (const [name, value] of expected.upstream) want(`${name} upstream`, value, only(last?.headers ?? [], name));
  for (const [name, value] of expected.downstream) want(`${name} downstream`, value, only(seen.reply.headers, name));
  return lines;
}

function only(headers: Observation['reply']['headers'], name: string): string | null {
  const values = valuesOf(headers, name);
  return values.length === 0 ? null : values.join(',');
}
