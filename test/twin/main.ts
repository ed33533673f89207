// inmesh beside a real Envoy, on the same feed:
//
//     npm run test:twin -- [--grep TEXT]
//
// TEXT is looked for in the names of cases and areas.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { whyNot } from '../peers/support/peers.ts';
import { areas } from './cases/index.ts';
import { finish, print, report } from './report.ts';
import { runCases } from './run-cases.ts';

const { values } = parseArgs({ options: { grep: { type: 'string', default: '' } } });
const started = performance.now();
// A run that dies must not leave the counts of the last one.
rmSync(join(import.meta.dirname, '../../.reports/twin.json'), { force: true });
const missing = whyNot(['envoy']);
if (missing !== null) {
  print(`skipped: ${missing}`);
  if (process.env.PEERS === 'required') process.exitCode = 1;
} else {
  const chosen = areas.map(({ area, cases }) => ({
    area,
    cases: cases.filter(({ name }) => `${area}: ${name}`.includes(values.grep)),
  }));
  finish(report(await runCases(chosen)), (performance.now() - started) / 1_000);
}
