import { join } from 'node:path';
import type { Verdict } from '../run-case.ts';
import { judge } from './judge.ts';

const folder = join(import.meta.dirname, '../example');

/** The example for outsiders, as cases of our own: what its README shows must hold. */
export async function judgeExample(): Promise<Verdict[]> {
  const judgements = await judge({
    feed: join(folder, 'feed'),
    requests: join(folder, 'requests.yaml'),
    record: true,
  });
  return judgements.map(({ title, differences }) => ({
    area: 'example',
    definition: { name: title, requests: [] },
    problems: differences,
  }));
}
