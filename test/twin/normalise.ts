import { networkInterfaces } from 'node:os';
import type { Pair } from './case.ts';
import { CALL_HEADER } from './upstream/recorders.ts';

/** A difference between the two sides that is meant: what is compared does not see it. */
interface Normalisation {
  /** The heading in differences.md that gives the reason. */
  readonly heading: string;
  readonly where: 'upstream' | 'downstream' | 'both';
  readonly header: string;
  /** The value to compare instead; null: the header is left out. */
  readonly value: (value: string) => string | null;
}

const OURS = new Set(Object.values(networkInterfaces()).flatMap((each) => each?.map(({ address }) => address) ?? []));

const leftOut = () => null;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** All there are. Whoever adds one writes its reason under its heading. */
export const NORMALISATIONS: readonly Normalisation[] = [
  { heading: 'What the twin adds', where: 'both', header: CALL_HEADER, value: leftOut },
  { heading: 'What is drawn or measured', where: 'both', header: 'x-request-id', value: uuid },
  {
    heading: 'What is drawn or measured',
    where: 'upstream',
    header: 'x-envoy-expected-rq-timeout-ms',
    value: timeLeft,
  },
  { heading: 'Who answers: server and date', where: 'downstream', header: 'server', value: leftOut },
  { heading: 'Who answers: server and date', where: 'downstream', header: 'date', value: leftOut },
  {
    heading: 'What is drawn or measured',
    where: 'downstream',
    header: 'x-envoy-upstream-service-time',
    value: milliseconds,
  },
  { heading: 'Hop-by-hop headers', where: 'both', header: 'connection', value: leftOut },
  { heading: 'Hop-by-hop headers', where: 'both', header: 'keep-alive', value: leftOut },
  { heading: 'Hop-by-hop headers', where: 'downstream', header: 'transfer-encoding', value: leftOut },
  { heading: 'The caller’s address', where: 'upstream', header: 'x-forwarded-for', value: unlessOurs },
  { heading: 'The caller’s address', where: 'upstream', header: 'x-envoy-external-address', value: unlessOurs },
  { heading: 'A body that is not there', where: 'upstream', header: 'content-length', value: unlessZero },
];

/** From the second attempt on it is what is left of the time. A case that means an exact value says so. */
function timeLeft(value: string): string {
  return `up to ${Math.ceil(Number(value) / 5_000) * 5} s`;
}

/** For methods that need no body: POST, PUT and PATCH are looked at by cases. */
function unlessZero(value: string): string | null {
  return value === '0' ? null : value;
}

/** Without addresses of this machine, which Envoy says of requests that it makes itself, and of those of its own machine. */
function unlessOurs(value: string): string | null {
  const others = value.split(',').filter((address) => !OURS.has(address.trim()));
  return others.length === 0 ? null : others.join();
}

/** What a recorder took: far less than a minute. */
function milliseconds(value: string): string {
  return /^\d{1,4}$/.test(value) ? 'up to ten seconds' : value;
}

function uuid(value: string): string {
  return UUID.test(value) ? `a UUID, traced: ${value[14]}` : value;
}

const byHeader = {
  upstream: indexOf('upstream'),
  downstream: indexOf('downstream'),
} as const;

/** Headers as they are compared: names in lower case ("Letter case of names"), what is meant to differ left out or made the same. */
export function normalised(headers: readonly Pair[], where: 'upstream' | 'downstream'): Pair[] {
  const result: Pair[] = [];
  for (const [name, value] of headers) {
    const lower = name.toLowerCase();
    const rule = byHeader[where].get(lower);
    const seen = rule === undefined ? value : rule.value(value);
    if (seen !== null) result.push([lower, seen]);
  }
  return result;
}

function indexOf(where: 'upstream' | 'downstream'): Map<string, Normalisation> {
  const rules = NORMALISATIONS.filter((rule) => rule.where === where || rule.where === 'both');
  return new Map(rules.map((rule) => [rule.header, rule]));
}
