import { writeFileSync } from 'node:fs';
import { print } from '../report.ts';
import { type Judgement, judge } from './judge.ts';

export interface JudgeArguments {
  readonly feed: string | undefined;
  readonly requests: string | undefined;
  readonly record: boolean;
  /** Where the judgements are written as JSON. */
  readonly report: string | undefined;
}

/** Judges a feed and requests from outside. The result is the exit code: 0 they agree, 1 they differ, 2 the input is of no use. */
export async function judgeCommand({ feed, requests, record, report }: JudgeArguments): Promise<0 | 1 | 2> {
  if (feed === undefined || requests === undefined) {
    print('give both: --feed FOLDER --requests FILE');
    return 2;
  }
  let judgements: readonly Judgement[];
  try {
    judgements = await judge({ feed, requests, record });
  } catch (error) {
    print(error instanceof Error ? error.message : String(error));
    return 2;
  }
  for (const { title, outcome, differences } of judgements) {
    print(`${differences.length === 0 ? 'agree  ' : 'DIFFER '} ${title}   (${outcome})`);
    for (const difference of differences) print(`          ${difference}`);
  }
  if (report !== undefined) writeFileSync(report, `${JSON.stringify(judgements, null, 2)}\n`);
  const differ = judgements.filter(({ differences }) => differences.length > 0).length;
  print(`${judgements.length - differ} agree, ${differ} differ`);
  return differ === 0 ? 0 : 1;
}
