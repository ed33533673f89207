import { shuffled } from '../arithmetic.ts';
import type { Helper } from '../processes.ts';
import type { Row, SuiteOptions } from '../suite.ts';
import type { Measured } from './measure.ts';

/** Before a subject is measured, in each round: caches, connections and the server's processes turn to it. */
const LEAD_SECONDS = 0.15;
/** Before the first round, per subject and case: connections open, code is compiled. */
const WARM_UP_SECONDS = 1;

/** Something to measure, and how. */
export interface Case<S> {
  readonly name: string;
  readonly run: (subject: S, seconds: number) => Promise<Measured>;
}

export interface RoundsOptions {
  readonly suite: string;
  /** Of all: its share of a core is noted. */
  readonly server: Helper;
  readonly rounds: number;
  readonly seconds: number;
  readonly progress: SuiteOptions['progress'];
}

/** Measures each subject once in every round, in shuffled order. */
export async function measureCase<S extends { readonly name: string }>(
  { name, run }: Case<S>,
  subjects: readonly S[],
  { suite, server, rounds, seconds, progress }: RoundsOptions,
): Promise<Row[]> {
  const rows: Row[] = [];
  progress(`${name}: warming up`);
  for (const subject of subjects) await run(subject, Math.min(WARM_UP_SECONDS, seconds));
  for (let round = 1; round <= rounds; round++) {
    const found = new Map<S, Row>();
    for (const subject of shuffled(subjects)) {
      await run(subject, LEAD_SECONDS);
      const before = await server.ask<NodeJS.CpuUsage>('cpu');
      const begun = performance.now();
      const measured = await run(subject, seconds);
      const elapsedUs = (performance.now() - begun) * 1000;
      const after = await server.ask<NodeJS.CpuUsage>('cpu');
      const serverCpu = (after.user + after.system - before.user - before.system) / elapsedUs;
      found.set(subject, { suite, case: name, subject: subject.name, round, ...measured, serverCpu });
    }
    for (const subject of subjects) rows.push(found.get(subject) as Row);
    progress(`${name}: round ${round} of ${rounds}`);
  }
  return rows;
}

/** What to say of the rows beside their figures: failed calls are counted, and said, for a subject that fails fast must not look good. */
export function notesOn(rows: readonly Row[]): string[] {
  const failed = rows.filter((row) => (row.errors as number) > 0);
  const busiest = Math.max(...rows.map((row) => row.serverCpu as number)) * 100;
  return [
    ...failed.map(
      (row) => `failed: ${row.errors} of ${row.calls} calls of ${row.subject} (${row.case}, round ${row.round})`,
    ),
    `server: busiest at ${busiest.toFixed(0)} % of one core`,
  ];
}
