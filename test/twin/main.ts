// inmesh beside a real Envoy, on the same feed:
//
//     npm run test:twin -- [--grep TEXT] [--cases N] [--seed N] [--upstream h1|h2|mtls|mtls-h2]
//     npm run test:twin -- --feed FOLDER --requests FILE [--record] [--report FILE]
//
// The first runs the project's own cases, TEXT being looked for in the names of cases and areas, and N generated ones (none
// where TEXT is given). What a generated case disagrees about is made small and saved in .reports/twin; put into
// test/twin/regressions it is a case of our own. `--upstream` says what their upstreams speak: HTTP/1.1
// (the default) or HTTP/2, in the clear or over mutual TLS. The second judges a feed and requests from outside, see
// test/twin/example/README.md.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { whyNot } from '../peers/support/peers.ts';
import { areas } from './cases/index.ts';
import { dialogues } from './dialogue/dialogues.ts';
import { runDialogues } from './dialogue/run-dialogues.ts';
import { generatedVerdicts } from './generate/verdicts.ts';
import { judgeCommand } from './judge/command.ts';
import { judgeExample } from './judge/example.ts';
import { regressions } from './regressions.ts';
import { finish, print, report } from './report.ts';
import { runCases } from './run-cases.ts';
import { upstreamKind } from './upstream/upstream.ts';

const { values } = parseArgs({
  options: {
    grep: { type: 'string', default: '' },
    cases: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1' },
    feed: { type: 'string' },
    requests: { type: 'string' },
    upstream: { type: 'string', default: 'h1' },
    record: { type: 'boolean', default: false },
    report: { type: 'string' },
  },
});
const { feed, requests } = values;
const upstream = upstreamKind(values.upstream);
const suite = upstream === 'h1' ? 'twin' : `twin-${upstream}`;
const started = performance.now();
const missing = whyNot(['envoy']);
if (missing !== null) {
  print(`skipped: ${missing}`);
  if (process.env.PEERS === 'required' || feed !== undefined) process.exitCode = 2;
} else if (feed !== undefined || requests !== undefined) {
  process.exitCode = await judgeCommand({ feed, requests, record: values.record, report: values.report });
} else {
  // A run that dies must not leave the counts of the last one.
  rmSync(join(import.meta.dirname, '../../.reports', `${suite}.json`), { force: true });
  const fitting = areas.filter(({ ownUpstreams = false }) => upstream === 'h1' || !ownUpstreams);
  const chosen = [...fitting, regressions()].map(({ area, cases }) => ({
    area,
    cases: cases.filter(({ name }) => `${area}: ${name}`.includes(values.grep)),
  }));
  const verdicts = await runCases(chosen, upstream);
  const talks = dialogues.filter(({ name }) => `dialogues: ${name}`.includes(values.grep));
  verdicts.push(...(await runDialogues(talks, upstream)));
  if (upstream === 'h1' && 'example'.includes(values.grep)) verdicts.push(...(await judgeExample()));
  if (values.grep === '')
    verdicts.push(...(await generatedVerdicts(Number(values.seed), Number(values.cases), upstream)));
  finish(suite, report(verdicts), (performance.now() - started) / 1_000);
}
