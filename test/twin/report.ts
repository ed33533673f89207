import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Verdict } from './run-case.ts';

/** What a run came to. */
export interface Counts {
  passed: number;
  failed: number;
  /** Cases that are known not to hold yet, and do not. */
  pending: number;
}

/** Prints what does not hold, and one line for each area. */
export function report(verdicts: readonly Verdict[]): Counts {
  const total: Counts = { passed: 0, failed: 0, pending: 0 };
  for (const [area, those] of Map.groupBy(verdicts, (verdict) => verdict.area)) {
    const counts: Counts = { passed: 0, failed: 0, pending: 0 };
    for (const { definition, problems } of those) {
      const { name, pending } = definition;
      if (problems.length === 0 && pending === undefined) counts.passed++;
      else if (problems.length > 0 && pending !== undefined) {
        counts.pending++;
        print(`pending: ${area}: ${name}: ${pending}`);
      } else {
        counts.failed++;
        print(`FAILED: ${area}: ${name}`);
        for (const problem of problems) print(`    ${problem}`);
        if (problems.length === 0) print(`    it holds now: remove its "pending: ${pending}"`);
      }
    }
    print(`${area}: ${counts.passed} passed, ${counts.failed} failed, ${counts.pending} pending`);
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.pending += counts.pending;
  }
  return total;
}

/** Leaves the counts for `.ci/run`, and says them as the last line. */
export function finish(suite: string, { passed, failed, pending }: Counts, seconds: number): void {
  const folder = join(import.meta.dirname, '../../.reports');
  mkdirSync(folder, { recursive: true });
  const counts = { suite, passed, failed, skipped: pending, seconds: Math.round(seconds * 10) / 10 };
  writeFileSync(join(folder, `${suite}.json`), `${JSON.stringify(counts)}\n`);
  if (pending > 0) print(`${pending} pending`);
  print(`${passed} passed, ${failed} failed`);
  if (failed > 0) process.exitCode = 1;
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
