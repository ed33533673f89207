import assert from 'node:assert/strict';
import type { PathMatch } from '../model/route.ts';
import { noRegex } from '../util/regex.ts';
import { compilePath, pathOnly } from './path.ts';

describe('path match', () => {
  const table: readonly [PathMatch['kind'], string, boolean, readonly string[], readonly string[]][] = [
    ['prefix', '/', true, ['/', '/a', '/a/b'], ['', '*', 'a']],
    ['prefix', '/api', true, ['/api', '/api/', '/apix'], ['/', '/ap', '/API', '/x/api']],
    ['prefix', '/api', false, ['/api', '/API/x', '/Apix'], ['/ap']],
    ['path', '/api', true, ['/api'], ['/api/', '/apix', '/API', '/']],
    ['path', '/Api', false, ['/api', '/API'], ['/api/']],
    ['path_separated_prefix', '/api', true, ['/api', '/api/', '/api/v1'], ['/apix', '/API', '/ap']],
    ['path_separated_prefix', '/Api', false, ['/api', '/API/v1'], ['/apix']],
  ];
  for (const [kind, value, caseSensitive, yes, no] of table) {
    it(`${kind} ${value}${caseSensitive ? '' : ' in any case'}`, () => {
      const matches = compilePath({ kind, value, caseSensitive }, noRegex);
      for (const path of yes) assert.equal(matches(path), true, path);
      for (const path of no) assert.equal(matches(path), false, path);
    });
  }

  it('sees the path without query and fragment', () => {
    assert.equal(pathOnly('/a/b'), '/a/b');
    assert.equal(pathOnly('/a?b=/c#d'), '/a');
    assert.equal(pathOnly('/a#b?c'), '/a');
    assert.equal(pathOnly('?a'), '');
    assert.equal(pathOnly(''), '');
  });
});
