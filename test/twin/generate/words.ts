import fc from 'fast-check';

/** Few words, so that what is asked meets what is configured more often than not. */

/** Authorities that are asked for. */
export const authority = fc.constantFrom(
  'a.example',
  'b.example',
  'A.Example',
  'x.b.example',
  'a.test',
  'shop',
  'shop:8080',
  'a.example:80',
  'a.example.',
);

/** Domains of virtual hosts. */
export const domain = fc.constantFrom(
  '*',
  '*',
  '*',
  '*',
  '*.example',
  '*.b.example',
  'a.*',
  'a.example',
  'b.example',
  'shop',
  'shop:8080',
  '*:8080',
  '*.test',
  'SHOP',
);

const segment = fc.constantFrom(
  '..',
  '.',
  '%2e%2E',
  'b%5Cc',
  'a',
  'b',
  'ab',
  'A',
  'a.b',
  'c%20d',
  '%61',
  'a%2Fb',
  '1',
  '-',
  'a;p=1',
  '',
);

/** Paths without a query, as they are asked for and configured. */
export const path = fc
  .tuple(fc.array(segment, { minLength: 0, maxLength: 3 }), fc.boolean())
  .map(([segments, slash]) => `/${segments.join('/')}${slash && segments.length > 0 ? '/' : ''}`);

export const query = fc.constantFrom('', '', '', '?', '?q=1', '?q=1&r=2', '?r', '?q=', '?q=%61%62&q=1', '?x=/a/b');

/** Names and values of headers and of query parameters that cases look at. */
export const headerName = fc.constantFrom('x-a', 'x-b', 'X-A', 'x-count');
export const headerValue = fc.constantFrom('', '1', '2', '10', '-5', 'a', 'b', 'ab', 'Ab', 'a,b', 'abc');
/** Says on every request where it falls among weights that ask for it: without, chance would. */
export const POINT_HEADER = 'x-point';
export const point = fc.constantFrom('0', '1', '2', '3', '5', '99', '12345', '4294967296', '9007199254740993');

export const cookieName = fc.constantFrom('c', 'd');
export const parameterName = fc.constantFrom('q', 'r');

/** What callers send as `cookie`. */
export const cookie = fc.constantFrom('c=1', 'c=a; d=b', 'd=2;c=ab', 'c=', 'x=c=1', 'c=1; c=2', ' c=1 ', 'c="1"');

/** Clusters that work, and some that do not. */
export const cluster = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom('one', 'two', 'three') },
  { weight: 1, arbitrary: fc.constantFrom('empty', 'refused', 'absent') },
);

/** Patterns of RE2's, some of which the platform's engine would read otherwise. */
export const pattern = fc.constantFrom(
  '.*',
  'a',
  'a.*',
  '/a.*',
  '/[a-z]+',
  '/(a|b)(/.*)?',
  '(?i)/A.*',
  '/\\w+/\\d',
  '/.{1,3}',
  '[[:alpha:]]+',
  '\\pL+',
  'a$|b',
  '\\Qa.b\\E',
);

/** A part of all calls that leaves nothing to chance, or so little that one in a million runs would show it. */
export const fraction = fc.constantFrom(
  { numerator: 0, denominator: 'HUNDRED' },
  { numerator: 100, denominator: 'HUNDRED' },
  { numerator: 10_000, denominator: 'TEN_THOUSAND' },
  { numerator: 1_000_000, denominator: 'MILLION' },
  { numerator: 0, denominator: 'MILLION' },
  { numerator: 1, denominator: 'TEN_THOUSAND' },
  { numerator: 1, denominator: 'MILLION' },
  { numerator: 999_999, denominator: 'MILLION' },
  { numerator: 200, denominator: 'HUNDRED' },
);
