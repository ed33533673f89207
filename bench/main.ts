import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { connectionsSuite } from './connections/suite.ts';
import { feedSuite } from './feed/suite.ts';
import { httpSuite } from './http/suite.ts';
import { routingSuite } from './routing/suite.ts';
import { startSuite } from './start/suite.ts';
import type { Suite } from './suite.ts';
import { tables } from './table.ts';

const suites: { readonly [name: string]: Suite } = {
  http: httpSuite,
  start: startSuite,
  feed: feedSuite,
  routing: routingSuite,
  connections: connectionsSuite,
};

const usage = `usage: npm run bench -- SUITE [--json FILE] [--rounds N] [--seconds S] [--open] [--scale SHARE] [--only SUBJECT,…]
suites: ${Object.keys(suites).join(', ')}`;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      scale: { type: 'string' },
      only: { type: 'string' },
      open: { type: 'boolean', default: false },
    },
  });
  const suite = suites[positionals[0] ?? ''];
  if (suite === undefined || positionals.length > 1) throw new Error(usage);
  const report = await suite({
    rounds: positive('rounds', values.rounds),
    seconds: positive('seconds', values.seconds),
    scale: positive('scale', values.scale),
    open: values.open,
    only: values.only?.split(',') ?? null,
    progress: (text) => process.stderr.write(`${text}\n`),
  });
  process.stdout.write(`${tables(report)}\n`);
  for (const note of report.notes) process.stdout.write(`\n${note}\n`);
  for (const { subject, reason } of report.skipped) process.stdout.write(`\nskipped: ${subject} (${reason})\n`);
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report.rows, null, 1)}\n`);
}

function positive(name: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${name} must be a positive number\n${usage}`);
  return value;
}

main().then(
  // Whatever still holds the process up, such as idle connections of a subject, was measured and is of no more use.
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
