// What these tables say was asked of a real Envoy 1.40; the twin asks it again.
import assert from 'node:assert/strict';
import { Headers } from '../headers.ts';
import type { HeaderMatch, QueryParameterMatch, StringMatch, ValueMatch } from '../model/matcher.ts';
import { makeCall } from '../testing/caller.ts';
import { plainRegex } from '../testing/plain-regex.ts';
import { compileCookie, cookie } from './cookie.ts';
import { compileHeader, headerText } from './header-match.ts';
import { compileQueryParameter } from './query.ts';
import { compileMetadata } from './value-match.ts';

const exact = (value: string, ignoreCase = false): StringMatch => ({ kind: 'exact', value, ignoreCase });
const pattern = (value: string): StringMatch => ({ kind: 'safe_regex', value, ignoreCase: false });

describe('header match', () => {
  const text = (match: StringMatch): HeaderMatch['test'] => ({ kind: 'string', match });
  const matches = (test: HeaderMatch['test'], headers: readonly string[], options: Partial<HeaderMatch> = {}) => {
    const match = { name: 'x', test, invert: false, treatMissingAsEmpty: false, ...options };
    return compileHeader(match, plainRegex)(makeCall({ headers }).head);
  };
  const range: HeaderMatch['test'] = { kind: 'range', start: 1n, end: 10n };
  // Missing, empty, `a`, `A`, `ab`, `a` and `b`, ` a `, `a,b`.
  const requests = [
    [],
    ['x', ''],
    ['x', 'a'],
    ['X', 'A'],
    ['x', 'ab'],
    ['x', 'a', 'x', 'b'],
    ['x', ' a '],
    ['x', 'a,b'],
  ];
  const table: readonly [string, HeaderMatch['test'], string, string, string, string][] = [
    // As it is; with treat_missing_header_as_empty; inverted; both.
    ['present', { kind: 'present', present: true }, 'nYYYYYYY', 'YYYYYYYY', 'Ynnnnnnn', 'nnnnnnnn'],
    ['absent', { kind: 'present', present: false }, 'Ynnnnnnn', 'nnnnnnnn', 'nYYYYYYY', 'YYYYYYYY'],
    ['exact', text(exact('a')), 'nnYnnYYn', 'nnYnnYYn', 'nYnYYnnY', 'YYnYYnnY'],
    ['exact, empty, in the old form', { kind: 'any' }, 'nYYYYYYY', 'YYYYYYYY', 'nnnnnnnn', 'nnnnnnnn'],
    ['exact, empty', text(exact('')), 'nYnnnnnn', 'YYnnnnnn', 'nnYYYYYY', 'nnYYYYYY'],
    ['exact in any case', text(exact('A', true)), 'nnYYnYYn', 'nnYYnYYn', 'nYnnYnnY', 'YYnnYnnY'],
    [
      'prefix in any case',
      text({ kind: 'prefix', value: 'A', ignoreCase: true }),
      'nnYYYYYY',
      'nnYYYYYY',
      'nYnnnnnn',
      'YYnnnnnn',
    ],
    ['suffix', text({ kind: 'suffix', value: 'b', ignoreCase: false }), 'nnnnYYnY', 'nnnnYYnY', 'nYYYnnYn', 'YYYYnnYn'],
    [
      'contains',
      text({ kind: 'contains', value: ',', ignoreCase: false }),
      'nnnnnnnY',
      'nnnnnnnY',
      'nYYYYYYn',
      'YYYYYYYn',
    ],
    ['pattern', text(pattern('a|b')), 'nnYnnYYn', 'nnYnnYYn', 'nYnYYnnY', 'YYnYYnnY'],
    ['pattern of what was joined', text(pattern('a,b')), 'nnnnnnnY', 'nnnnnnnY', 'nYYYYYYn', 'YYYYYYYn'],
    ['range', range, 'nnnnnnnn', 'nnnnnnnn', 'nYYYYYYY', 'YYYYYYYY'],
  ];
  for (const [title, test, ...expected] of table) {
    it(`${title}: each value by itself`, () => {
      const variants = [
        {},
        { treatMissingAsEmpty: true },
        { invert: true },
        { invert: true, treatMissingAsEmpty: true },
      ];
      const found = variants.map((options) =>
        requests.map((headers) => (matches(test, headers, options) ? 'Y' : 'n')).join(''),
      );
      assert.deepEqual(found, expected);
    });
  }

  it('reads numbers as Envoy does', () => {
    const cases: readonly [string, boolean][] = [
      ['5', true],
      ['10', false],
      ['+5', true],
      ['05', true],
      [' 5 ', true],
      ['5.0', false],
      ['- 5', false],
      ['0x5', false],
      ['5e0', false],
      ['', false],
      ['99999999999999999999999999999999999999999999999999999999999999999999999', false],
    ];
    for (const [value, expected] of cases) assert.equal(matches(range, ['x', value]), expected, value);
    const wide: HeaderMatch['test'] = { kind: 'range', start: -(2n ** 63n), end: 2n ** 63n - 1n };
    assert.equal(matches(wide, ['x', '-9223372036854775808']), true);
    assert.equal(matches(wide, ['x', '9223372036854775807']), false);
    assert.equal(matches({ ...wide, end: 2n ** 64n }, ['x', '9223372036854775808']), false);
    assert.equal(matches(range, ['x', '5', 'x', '60']), true);
  });

  it('sees what is no header in HTTP/1', () => {
    const call = makeCall({ method: 'PUT', path: '/a?b', authority: 'shop', upgrade: 'websocket' });
    const given = (name: string, value: string) =>
      compileHeader(
        { name, test: text(exact(value)), invert: false, treatMissingAsEmpty: false },
        plainRegex,
      )(call.head);
    for (const [name, value] of [
      [':method', 'PUT'],
      [':path', '/a?b'],
      [':authority', 'shop'],
      ['host', 'shop'],
      [':scheme', 'http'],
      ['upgrade', 'websocket'],
    ] as const) {
      assert.equal(given(name, value), true, name);
      assert.equal(given(name, 'other'), false, name);
      assert.equal(headerText(call.head, name), value);
    }
    assert.equal(given(':status', ''), false);
  });

  it('compares bytes: letters outside of ASCII have no case and are as long as on the wire', () => {
    const wire = Buffer.from('é').toString('latin1');
    assert.equal(matches(text(exact('é')), ['x', wire]), true);
    assert.equal(matches(text(exact('É', true)), ['x', wire]), false);
    assert.equal(matches(text(exact('AÉ', true)), ['x', `a${Buffer.from('É').toString('latin1')}`]), true);
  });

  it('reads the headers of an HTTP/1 codec by name', () => {
    const headers = Headers.fromWire([], { x: ['a', 'b'], y: 'c' });
    assert.deepEqual(
      ['x', 'y', 'z'].map((name) => headers.test(name, (value) => value === 'b')),
      [true, false, null],
    );
  });
});

describe('query parameter match', () => {
  const paths = [
    '/',
    '/?a',
    '/?a=',
    '/?a=b',
    '/?a=b&a=c',
    '/?a=c&a=b',
    '/?A=b',
    '/?a=B',
    '/?%61=b',
    '/?a=%62',
    '/?x&a=b',
  ];
  const odd = [
    '/?a==b',
    '/?a=b=c',
    '/?&a=b',
    '/??a=b',
    '/?a=b?c',
    '/?aa=b',
    '/?=b',
    '/x?a=b/..',
    '/;a=b',
    '/?x=?a=b&y',
  ];
  const table: readonly [string, QueryParameterMatch['test'], string, string][] = [
    ['present', { kind: 'present', present: true }, 'nYYYYYnYnYY', 'YYYnYnnYnn'],
    ['absent', { kind: 'present', present: false }, 'YnnnnnYnYnn', 'nnnYnYYnYY'],
    ['exact', { kind: 'string', match: exact('b') }, 'nnnYYnnnnnY', 'nnYnnnnnnn'],
    ['empty', { kind: 'string', match: exact('') }, 'nYYnnnnnnnn', 'nnnnnnnnnn'],
    ['in any case', { kind: 'string', match: exact('B', true) }, 'nnnYYnnYnnY', 'nnYnnnnnnn'],
    ['pattern', { kind: 'string', match: pattern('b.*') }, 'nnnYYnnnnnY', 'nYYnYnnYnn'],
  ];
  for (const [title, test, ...expected] of table) {
    it(`${title}: the first value, as it is written`, () => {
      const matches = compileQueryParameter({ name: 'a', test }, plainRegex);
      const found = [paths, odd].map((list) => list.map((path) => (matches(path) ? 'Y' : 'n')).join(''));
      assert.deepEqual(found, expected);
    });
  }
});

describe('cookie match', () => {
  const cases: readonly [readonly string[], string | undefined][] = [
    [[], undefined],
    [['a=b'], 'b'],
    [['a="b"'], 'b'],
    [['x=y; a=b'], 'b'],
    [['x=y;a=b'], 'b'],
    [['a=b; a=c'], 'b'],
    [['a=c', 'a=b'], 'c'],
    [['x=y', 'a=b'], 'b'],
    [['A=b'], undefined],
    [['a'], undefined],
    [['a='], ''],
    [['a =b'], undefined],
    [['a= b'], ' b'],
    [['a=b=c'], 'b=c'],
    [['a="b'], '"b'],
    [['a=b ;'], 'b '],
    [['x;a=b'], 'b'],
    [['a=""'], ''],
    [['a="'], '"'],
    [['a="""'], '"'],
    [['aa=b'], undefined],
    [[''], undefined],
  ];
  it('reads cookies as Envoy does', () => {
    for (const [values, expected] of cases) {
      const headers = Headers.from(values.flatMap((value) => ['cookie', value]));
      assert.equal(cookie(headers, 'a'), expected, values.join());
      const given = (invert: boolean) => compileCookie({ name: 'a', match: exact('b'), invert }, plainRegex)(headers);
      assert.deepEqual([given(false), given(true)], [expected === 'b', expected !== 'b'], values.join());
    }
  });
});

describe('metadata match', () => {
  const values: ValueMatch[] = [
    { kind: 'null' },
    { kind: 'bool', value: false },
    { kind: 'number', value: 0 },
    { kind: 'range', start: 0, end: 2 },
    { kind: 'string', match: exact('') },
    { kind: 'present', present: true },
    { kind: 'present', present: false },
    { kind: 'list', oneOf: { kind: 'number', value: 2 } },
    { kind: 'or', any: [{ kind: 'null' }, { kind: 'bool', value: false }] },
  ];
  const of = (value: unknown, path = ['k'], invert = false) =>
    values
      .map((each) =>
        compileMetadata({ filter: 'f', path, value: each, invert }, plainRegex)(new Map([['f', { k: value }]]))
          ? 'Y'
          : 'n',
      )
      .join('');

  it('by the kind of the value', () => {
    assert.equal(of(undefined, ['other']), 'nnnnnnnnn');
    assert.equal(of(undefined, ['other'], true), 'YYYYYYYYY');
    assert.equal(of(null), 'YnnnnYnnY');
    assert.equal(of(false), 'nYnnnYnnY');
    assert.equal(of(0), 'nnYYnYnnn');
    assert.equal(of(2), 'nnnnnYnnn');
    assert.equal(of(''), 'nnnnYYnnn');
    assert.equal(of([1, 2]), 'nnnnnYnYn');
    assert.equal(of({ in: false }, ['k', 'in']), 'nYnnnYnnY');
    assert.equal(of('text', ['k', 'in']), 'nnnnnnnnn');
    assert.equal(of({}, ['k', 'toString']), 'nnnnnnnnn');
  });

  it('of a call that nobody told anything about', () => {
    const match = { filter: 'f', path: ['k'], value: { kind: 'present', present: true }, invert: false } as const;
    assert.equal(compileMetadata(match, plainRegex)(null), false);
    assert.equal(compileMetadata({ ...match, invert: true }, plainRegex)(null), true);
  });
});
