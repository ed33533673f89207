import { Random, type Value } from 'fast-check';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { UpstreamKind } from '../upstream/upstream.ts';
import { type GeneratedCase, generatedCase } from './arbitrary.ts';
import { BATCH, Batches, type CaseResult } from './batch.ts';

export interface GeneratedOptions {
  readonly seed: number;
  readonly cases: number;
  readonly upstream: UpstreamKind;
  /** Hears how far it is. */
  readonly onProgress: (done: number) => void;
}

/** A case about which the sides disagree, made as small as it could be. */
export interface Disagreement {
  /** Its number in the run; with the seed it makes the same case again. */
  readonly number: number;
  /** Cases that differed in the same way, which were not made small. */
  alike: number;
  readonly smallest: GeneratedCase;
  readonly differences: readonly string[];
}

export interface GeneratedRun {
  readonly judged: number;
  readonly disagreements: readonly Disagreement[];
  /** How many requests came to what. */
  readonly outcomes: ReadonlyMap<string, number>;
  /** Cases that differed once and not again: chance in a million is a part of them. */
  readonly unconfirmed: number;
}

/** Disagreements after which a run ends: the rest would be the same over again. */
const ENOUGH = 10;

/** A disagreement must show so many times in a row: a fraction of one in 10,000 does not do that. */
const CONFIRMATIONS = 2;

/** Judges generated cases, many at once, and makes those that fail small. */
export async function runGenerated({ seed, cases, upstream, onProgress }: GeneratedOptions): Promise<GeneratedRun> {
  const batches = await Batches.start(upstream);
  const disagreements: Disagreement[] = [];
  const outcomes = new Map<string, number>();
  let unconfirmed = 0;
  let judged = 0;
  try {
    for (let from = 0; from < cases && disagreements.length < ENOUGH; from += BATCH) {
      const values = Array.from({ length: Math.min(BATCH, cases - from) }, (_, index) => makeCase(seed, from + index));
      const results = await batches.judge(values.map(({ value }) => value));
      for (const outcome of results.flatMap((result) => result.outcomes)) {
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      }
      for (const [index, value] of values.entries()) {
        if (results[index]?.differences.length === 0 || disagreements.length >= ENOUGH) continue;
        const result = await confirmed(batches, value.value);
        if (result === null) {
          unconfirmed++;
          continue;
        }
        const known = disagreements.find(({ differences }) => kindOf(differences) === kindOf(result.differences));
        if (known !== undefined) known.alike++;
        else disagreements.push({ number: from + index, alike: 0, ...(await shrunk(batches, value, result)) });
      }
      judged += values.length;
      onProgress(judged);
    }
  } finally {
    await batches.stop();
  }
  return { judged, disagreements, outcomes, unconfirmed };
}

/** The case of this number: the same for the same seed, whatever came before it. */
function makeCase(seed: number, number: number): Value<GeneratedCase> {
  return generatedCase.generate(new Random(xoroshiro128plus(seed * 1_000_003 + number)), undefined);
}

/** The result of a case that differs every time; null for one that does not. */
async function confirmed(batches: Batches, value: GeneratedCase): Promise<CaseResult | null> {
  let last: CaseResult | null = null;
  for (let round = 0; round < CONFIRMATIONS; round++) {
    last = (await batches.judge([value]))[0] ?? null;
    if (last === null || last.differences.length === 0) return null;
  }
  return last;
}

/** Tries what is smaller, a batch at once, as long as something smaller still differs. */
async function shrunk(batches: Batches, first: Value<GeneratedCase>, result: CaseResult) {
  let value = first;
  let { differences } = result;
  for (;;) {
    const smaller = generatedCase.shrink(value.value, value.context).take(BATCH * 4);
    let found = false;
    for (let some = takeFrom(smaller); some.length > 0 && !found; some = takeFrom(smaller)) {
      const results = await batches.judge(some.map((each) => each.value));
      const index = results.findIndex((each) => each.differences.length > 0);
      const better = some[index];
      if (better === undefined) continue;
      value = better;
      differences = results[index]?.differences ?? [];
      found = true;
    }
    if (!found) return { smallest: value.value, differences };
  }
}

/** What is alike in disagreements of one cause: the first of them, without the values. */
function kindOf([first = '']: readonly string[]): string {
  return /: ([^:]+): envoy/.exec(first)?.[1] ?? first;
}

function takeFrom<T>(stream: Iterator<T>): T[] {
  const some: T[] = [];
  while (some.length < BATCH) {
    const next = stream.next();
    if (next.done) break;
    some.push(next.value);
  }
  return some;
}
