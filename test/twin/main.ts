// inmesh beside a real Envoy, on the same feed:
//
//     npm run test:twin -- [--grep TEXT]
//     npm run test:twin -- --feed FOLDER --requests FILE [--record] [--report FILE]
//
// The first runs the project's own cases; TEXT is looked for in the names of cases and areas. The second judges a feed
// and requests from outside, see test/twin/example/README.md.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { whyNot } from '../peers/support/peers.ts';
import { areas } from './cases/index.ts';
import { judgeCommand } from './judge/command.ts';
import { judgeExample } from './judge/example.ts';
import { finish, print, report } from './report.ts';
import { runCases } from './run-cases.ts';

const { values } = parseArgs({
  options: {
    grep: { type: 'string', default: '' },
    feed: { type: 'string' },
    requests: { type: 'string' },
    record: { type: 'boolean', default: false },
    report: { type: 'string' },
  },
});
const { feed, requests } = values;
const started = performance.now();
const missing = whyNot(['envoy']);
if (missing !== null) {
  print(`skipped: ${missing}`);
  if (process.env.PEERS === 'required' || feed !== undefined) process.exitCode = 2;
} else if (feed !== undefined || requests !== undefined) {
  process.exitCode = await judgeCommand({ feed, requests, record: values.record, report: values.report });
} else {
  // A run that dies must not leave the counts of the last one.
  rmSync(join(import.meta.dirname, '../../.reports/twin.json'), { force: true });
  const chosen = areas.map(({ area, cases }) => ({
    area,
    cases: cases.filter(({ name }) => `${area}: ${name}`.includes(values.grep)),
  }));
  const verdicts = await runCases(chosen);
  if ('example'.includes(values.grep)) verdicts.push(...(await judgeExample()));
  finish(report(verdicts), (performance.now() - started) / 1_000);
}
