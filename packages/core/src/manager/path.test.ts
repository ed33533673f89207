import assert from 'node:assert/strict';
import { canonicalPath } from './canonical-path.ts';
import { compilePathRules, type PathVerdict } from './path.ts';

const keep = { normalize: false, mergeSlashes: false, escapedSlashes: 'keep' } as const;

describe('canonicalPath', () => {
  const cases: readonly (readonly [string, string | null])[] = [
    ['', '/'],
    ['a', '/a'],
    ['/a/../b', '/b'],
    ['/a/%2E%2e/b/.', '/b/'],
    ['/../../..', '/'],
    ['/a/.../.b/c.', '/a/.../.b/c.'],
    ['/a\\..\\b', '/b'],
    ['/%41%2f%5C', '/A%2f%5C'],
    ['/%zz%', '/%zz%'],
    ['/|^`', '/%7C%5E%60'],
    ['/\u00e4', '/%E4'],
    ['/%%300', '/%2500'],
    ['/%%30%30', '/%2500'],
    ['/%3%30', '/%2530'],
    ['/a%00', null],
  ];
  for (const [path, expected] of cases) {
    it(`${JSON.stringify(path)} is ${JSON.stringify(expected)}`, () => assert.equal(canonicalPath(path), expected));
  }

  it('gives the same again for what it gave', () => {
    for (const [path] of cases) {
      const once = canonicalPath(path);
      if (once !== null) assert.equal(canonicalPath(once), once);
    }
  });

  it('takes time in proportion to the length', () => {
    const long = canonicalPath(`${'/a/..'.repeat(100_000)}/%2e%2e/x`);
    assert.equal(long, '/x');
  });
});

describe('path rules', () => {
  const ask = (rules: Partial<Parameters<typeof compilePathRules>[0]>, target: string): PathVerdict | undefined =>
    compilePathRules({ ...keep, ...rules })?.(target);

  it('are none where the feed asks for nothing', () => {
    assert.equal(compilePathRules(keep), null);
  });

  it('leave the query alone', () => {
    const rules = { normalize: true, mergeSlashes: true, escapedSlashes: 'forward' } as const;
    assert.deepEqual(ask(rules, '/a//..%2fb?c=//%2f..'), { kind: 'take', path: '/a/b?c=//%2f..' });
  });

  it('refuse, redirect or go on with escaped slashes', () => {
    assert.deepEqual(ask({ escapedSlashes: 'reject' }, '/a%5cb'), { kind: 'reject' });
    assert.deepEqual(ask({ escapedSlashes: 'redirect' }, '/a%5cb'), { kind: 'redirect', path: '/a\\b' });
    assert.deepEqual(ask({ escapedSlashes: 'redirect' }, '/a/b'), { kind: 'take', path: '/a/b' });
    assert.deepEqual(ask({ escapedSlashes: 'forward' }, '/a%2Fb'), { kind: 'take', path: '/a/b' });
  });

  it('merge slashes', () => {
    assert.deepEqual(ask({ mergeSlashes: true }, '//a///b//'), { kind: 'take', path: '/a/b/' });
    assert.deepEqual(ask({ mergeSlashes: true }, '///'), { kind: 'take', path: '//' });
  });
});
