/** Writes the public surface to `test/api/exports.txt`, to be read in review: `npm run exports`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { publicSurface } from '../test/api/entries.ts';

writeFileSync(join(import.meta.dirname, '../test/api/exports.txt'), await publicSurface());
