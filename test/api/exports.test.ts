import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { publicSurface } from './entries.ts';

describe('the public surface', () => {
  it('is what exports.txt says (after a change that is meant: npm run exports)', async () => {
    assert.equal(await publicSurface(), readFileSync(join(import.meta.dirname, 'exports.txt'), 'utf8'));
  });
});
