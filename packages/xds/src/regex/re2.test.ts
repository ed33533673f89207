import assert from 'node:assert/strict';
import { RegexError } from '@inmesh/core';
import { RE2JS } from 're2js';
import { re2 } from './re2.ts';

describe('regular expressions', () => {
  const engine = re2();

  it('match the whole text, also where branches hide it', () => {
    const cases: readonly [string, string, boolean][] = [
      ['/a', '/a', true],
      ['/a', '/ab', false],
      ['b', 'ab', false],
      ['/x|/y', '/yz', false],
      ['/x|/y', '/y', true],
      ['a|ab', 'ab', true],
      ['.*', '', true],
      ['.*', 'a\nb', false],
      ['(?i)/Api/.*', '/aPI/x', true],
      ['/v[0-9]{1,2}', '/v123', false],
      ['\\d+', '१', false],
      ['[[:alpha:]]+', 'abc', true],
      ['é', Buffer.from('é').toString('latin1'), true],
      ['..', Buffer.from('é').toString('latin1'), true],
      ['é', 'é', false],
    ];
    for (const [pattern, text, expected] of cases) {
      assert.equal(engine.compile(pattern).matches(text), expected, `${pattern} ${text}`);
    }
  });

  it('refuse what RE2 refuses', () => {
    for (const pattern of [
      '[a',
      '*a',
      '(?=a)',
      '(?<!a)b',
      '\\1',
      'a{2,1}',
      'x{1001}',
      'a**',
      '(a',
      'a)',
      '(?P<n>a)(?P<n>b)',
      '\\x{100}',
    ]) {
      assert.throws(() => engine.compile(pattern), RegexError, pattern);
    }
  });

  it('give the groups of the whole text', () => {
    const regex = engine.compile('/(?P<kind>[a-z]+)/(\\d+)?');
    assert.deepEqual(regex.groups('/item/7'), ['/item/7', 'item', '7']);
    assert.deepEqual(regex.groups('/item/'), ['/item/', 'item', '']);
    assert.equal(regex.groups('/item/x'), null);
    assert.deepEqual({ ...regex.names }, { kind: 1 });
  });

  it('replace as RE2’s GlobalReplace', () => {
    const cases: readonly [string, string, string, string][] = [
      ['^/service/([^/]+)(/.*)$', '\\2/instance/\\1', '/service/foo/v1/api', '/v1/api/instance/foo'],
      ['one', 'two', '/xxx/one/yyy/one/zzz', '/xxx/two/yyy/two/zzz'],
      ['^(.*?)one(.*)$', '\\1two\\2', '/xxx/one/yyy/one/zzz', '/xxx/two/yyy/one/zzz'],
      ['(?i)/xxx/', '/yyy/', '/aaa/XxX/bbb', '/aaa/yyy/bbb'],
      ['a*', 'x', 'baac', 'xbxcx'],
      ['b', '\\\\\\0', 'abc', 'a\\bc'],
      ['b', '\\2', 'abc', 'abc'],
      ['b', 'x\\q', 'abc', 'axc'],
      ['', '-', 'ab', '-a-b-'],
      ['\\bb', 'x', 'ab b', 'ab x'],
    ];
    for (const [pattern, substitution, text, expected] of cases) {
      assert.equal(engine.compile(pattern).replacer(substitution)(text), expected, `${pattern} ${substitution}`);
    }
  });

  it('keep a pattern compiled', () => {
    assert.equal(engine.compile('/kept'), engine.compile('/kept'));
    for (let i = 0; i < 5_000; i++) engine.compile(`/many/${i}`);
    assert.equal(engine.compile('/kept').matches('/kept'), true);
  });

  it('read a text in proportion to its length, whatever the pattern', () => {
    // Steps are reads of the input, not time: a backtracking engine would need about 2^n of them.
    const reads = (pattern: string, length: number): number => {
      let count = 0;
      const bytes = [...Buffer.from(`${'a'.repeat(length)}!`)];
      const counting = new Proxy(bytes, {
        get(target, key) {
          if (typeof key === 'string' && /^\d+$/.test(key)) count++;
          return Reflect.get(target, key);
        },
      });
      assert.equal(RE2JS.compile(pattern).matches(counting), false);
      return count;
    };
    for (const pattern of ['(a+)+b', '(a|a)*b', '(.*)(.*)(.*)(.*)b', '(a|aa)+$b', '(?:(?:a*)*)*b', 'a{0,50}a{50}b']) {
      const program = RE2JS.compile(pattern).programSize();
      for (const length of [100, 1_000, 10_000]) {
        const count = reads(pattern, length);
        assert.ok(count > 0 && count <= 4 * program * (length + 1), `${pattern}: ${count} reads for ${length}`);
      }
      const [short, long] = [reads(pattern, 5_000), reads(pattern, 10_000)];
      assert.ok(long <= 2.2 * short, `${pattern}: ${short} reads for half of what takes ${long}`);
    }
  });
});
