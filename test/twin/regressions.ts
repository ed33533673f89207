import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Area, Case } from './case.ts';

const folder = join(import.meta.dirname, 'regressions');

/** Cases that were generated, disagreed, and were made small: one file each. */
export function regressions(): Area {
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return { area: 'regressions', cases: files.sort().map(read) };
}

function read(file: string): Case {
  return JSON.parse(readFileSync(join(folder, file), 'utf8')) as Case;
}
