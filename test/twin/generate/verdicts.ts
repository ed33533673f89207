import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Ask, Case } from '../case.ts';
import { print } from '../report.ts';
import type { AnyAsk, Verdict } from '../run-case.ts';
import type { UpstreamKind } from '../upstream/upstream.ts';
import type { GeneratedCase } from './arbitrary.ts';
import { FILTERS } from './filters.ts';
import { type Disagreement, type GeneratedRun, runGenerated } from './run-generated.ts';

/** Where small failing cases are saved. */
const folder = join(import.meta.dirname, '../../../.reports/twin');

/** Cases between two words on how far it is. */
const TELL_EVERY = 600;

/** Of all requests at least this part must be answered by a service: a generator whose cases all end in 404 would prove nothing. */
const LEAST_FORWARDED = 0.3;

/** Runs generated cases; one verdict for those that agree, one for each disagreement. */
export async function generatedVerdicts(seed: number, cases: number, upstream: UpstreamKind): Promise<Verdict[]> {
  if (cases === 0) return [];
  const run = await runGenerated({
    seed,
    cases,
    upstream,
    onProgress: (done) => {
      if (done % TELL_EVERY === 0) print(`generated: ${done} of ${cases}`);
    },
  });
  tellOutcomes(run);
  const verdict = (name: string, problems: readonly string[]): Verdict => ({
    area: 'generated',
    definition: { name, requests: [] },
    problems,
  });
  const differing = run.disagreements.reduce((sum, { alike }) => sum + alike + 1, 0);
  const summary = verdict(`${run.judged - differing} of ${run.judged} cases agree, seed ${seed}`, barren(run));
  return [
    summary,
    ...run.disagreements.map((each) => {
      const { number, alike, differences } = each;
      const more = alike === 0 ? '' : `, and ${alike} more like it`;
      return verdict(`case ${number} of seed ${seed}${more}`, [...differences, `saved as ${save(each, seed)}`]);
    }),
  ];
}

function tellOutcomes({ outcomes, unconfirmed }: GeneratedRun): void {
  const total = [...outcomes.values()].reduce((sum, each) => sum + each, 0);
  const most = [...outcomes].sort(([, one], [, other]) => other - one).slice(0, 12);
  print(`generated: ${total} requests: ${most.map(([what, count]) => `${count} × ${what}`).join(', ')}, …`);
  if (unconfirmed > 0) print(`generated: ${unconfirmed} cases differed once and not again`);
}

function barren({ outcomes }: GeneratedRun): string[] {
  let forwarded = 0;
  let total = 0;
  for (const [outcome, count] of outcomes) {
    total += count;
    if (/ by (one|two|three)$/.test(outcome)) forwarded += count;
  }
  if (forwarded >= total * LEAST_FORWARDED) return [];
  return [`only ${forwarded} of ${total} requests reached a service: the generator proves too little`];
}

function save({ number, smallest, differences }: Disagreement, seed: number): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `seed-${seed}-case-${number}.json`);
  writeFileSync(file, `${JSON.stringify(asCase(smallest, `seed ${seed}, case ${number}`), null, 2)}\n`);
  writeFileSync(`${file}.txt`, `${differences.join('\n')}\n`);
  return file;
}

/** As a case of our own: what each request must come to is for whoever adopts it to say; until then it is a 200. */
function asCase({ config, manager, asks }: GeneratedCase, name: string): Case {
  const text = JSON.stringify({ validate_clusters: false, ...config });
  return {
    name,
    config: text,
    ...(Object.keys(manager).length === 0 ? {} : { manager: JSON.stringify(manager) }),
    ...(text.includes('typed_per_filter_config') ? { filters: JSON.stringify(FILTERS) } : {}),
    requests: asks.map(asRequest),
  };
}

function asRequest({ method, authority, path, headers, body, answer = [] }: AnyAsk): Ask {
  return { line: `${method} ${authority}${path} -> 200`, headers, answer, ...(body === null ? {} : { body }) };
}
