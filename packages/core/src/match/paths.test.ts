import assert from 'node:assert/strict';
import { plainRegex } from '../testing/plain-regex.ts';
import { literalPrefix } from './literal-prefix.ts';
import { compilePath } from './path.ts';
import { UriTemplateError, uriTemplatePattern } from './uri-template.ts';

describe('URI template', () => {
  // Judged by Envoy 1.40.
  const table: readonly [string, readonly string[], readonly string[]][] = [
    ['/', ['/'], ['/x']],
    ['/a/', ['/a/'], ['/a']],
    ['/a/*', ['/a/b', '/a/b=c', '/a/*', "/a/!$&'()+,;:@~%20"], ['/a/', '/a/b/c', '/A/b', '/a/b|c', '/a/"', '/a/[']],
    ['/a/**', ['/a/b', '/a/', '/a/b/c'], ['/a']],
    ['/a/{x}/b', ['/a/q/b'], ['/a/b', '/a/q/r/b']],
    ['/a/{x=**}/b.m', ['/a/q/r/b.m', '/a//b.m'], ['/a/q/bxm']],
    ['/**.m3u8', ['/x/y.m3u8', '/.m3u8'], ['/x.m3u']],
    ['/a{x}', ['/ab'], ['/a', '/b']],
    ['/{x}.y', ['/q.y'], ['/qxy', '/.y']],
    ['/{x}y/z', ['/qy/z'], ['/q/z']],
    ['/{x=a=b}', ['/a=b'], ['/b']],
    ['/{x=*}/{y=**}', ['/a/b/c', '/a/'], ['/a']],
    ['/a+b(c)$', ['/a+b(c)$'], ['/aab']],
    ['/a*b', ['/aab', '/b'], ['/a*b', '/axb']],
    ['/***', [], ['/', '/x', '/x/*']],
  ];
  for (const [template, yes, no] of table) {
    it(template, () => {
      const matches = compilePath({ kind: 'uri_template', value: template, caseSensitive: true }, plainRegex);
      for (const path of yes) assert.equal(matches(path), true, path);
      for (const path of no) assert.equal(matches(path), false, path);
    });
  }

  it('refuses what Envoy refuses, and nothing else', () => {
    const bad = [
      '',
      'a',
      '/a b',
      '/é',
      '//',
      '/a//b',
      '/a?b',
      '/a[b',
      '/a}',
      '/{}',
      '/{1x}',
      '/{x',
      '/{x=}',
      '/{x}}',
      '/{x=/a}',
    ];
    bad.push(
      '/{x=a//b}',
      '/{x=a/}',
      '/{x=*a}',
      '/{x=**a}',
      '/{x=***}',
      '/{a}{b}',
      '/{a}-{b}',
      '/{x}y{z}w',
      '/*{x}',
      '/*.{x}',
    );
    bad.push('/*a/b', '/**a/b', '/{x=**}/*', '/**/{x}', '/**/a/**', '/{x}/{x}', '/{a}/{b}/{c}/{d}/{e}/{f}');
    bad.push('/{abcdefghijklmnopq}', '/{x=a}{y=**}');
    for (const template of bad) assert.throws(() => uriTemplatePattern(template), UriTemplateError, template);
    const good = ['/a=b', '/*a', '/*/a', '/{x}y', '/{x=a/*}', '/{a}/{b}/{c}/{d}/{e}', '/{abcdefghijklmnop}', '/a/**.b'];
    good.push('/a{x}b', '/{x}*', '/a{x}/b', '/{x=**}y/z', '/{x=*}y', '/{x=a/*}y/z', '/{x}/', '/a{x=**}/c', '/{x=a*}');
    good.push('/{x=*/*}', '/*/', '/**/', '/****', '/**b*');
    for (const template of good) assert.equal(typeof uriTemplatePattern(template), 'string', template);
  });
});

describe('literal beginning of a pattern', () => {
  const cases: readonly [string, string][] = [
    ['/api/v1', '/api/v1'],
    ['/api/.*', '/api/'],
    ['^/api', '/api'],
    ['/a\\.b/[0-9]', '/a.b/'],
    ['/ab*', '/a'],
    ['/ab?', '/a'],
    ['/ab{2}', '/a'],
    ['/ab+', '/ab'],
    ['/a|/b', ''],
    ['/a(b|c)', '/a'],
    ['/a(b|c)|/d', ''],
    ['/a\\|b', '/a|b'],
    ['/a[|]b', ''],
    ['(?i)/a', ''],
    ['/a\\d', '/a'],
    ['/a\\Qb|c\\E', ''],
    ['/é', '/'],
    ['', ''],
  ];
  for (const [pattern, expected] of cases) {
    it(pattern, () => assert.equal(literalPrefix(pattern), expected));
  }
});
