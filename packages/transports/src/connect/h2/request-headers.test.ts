import assert from 'node:assert/strict';
import { type Head, Headers } from '@inmesh/core';
import { requestHeaders, requestTrailers } from './request-headers.ts';

describe('headers of a request over HTTP/2', () => {
  const head = (changes: Partial<Head> = {}, headers: readonly string[] = []): Head =>
    ({
      method: 'GET',
      authority: 'shop',
      path: '/',
      scheme: 'http',
      upgrade: null,
      headers: Headers.from(headers.slice()),
      ...changes,
    }) as Head;

  it('begin with the pseudo headers, and have names in lower case', () => {
    assert.deepEqual(requestHeaders(head({}, ['X-A', '1']), 0), [
      ...[':method', 'GET', ':scheme', 'http', ':authority', 'shop', ':path', '/'],
      ...['x-a', '1'],
    ]);
  });

  for (const [what, changes, headers] of [
    ['a method', { method: 'G\x01T' }, []],
    ['a method that ends a line', { method: 'GET / HTTP/1.1\r\nx: y' }, []],
    ['a path', { path: '/a b' }, []],
    ['a path with more than ASCII', { path: '/caf\u00e9' }, []],
    ['an authority', { authority: 'a\r\nb' }, []],
    ['a name', {}, ['x\0a', '1']],
    ['a name that is none', {}, ['', '1']],
    ['a name that looks like a pseudo header', {}, [':path', '/other']],
    ['a value', {}, ['x-a', 'a\r\nb: c']],
  ] as const) {
    it(`do not carry ${what} that would be read otherwise elsewhere`, () => {
      assert.throws(() => requestHeaders(head(changes, headers), 0), /invalid character|is no token/);
    });
  }

  it('and trailers neither', () => {
    assert.throws(() => requestTrailers(['x\na', '1']), /the name of a trailer is no token/);
    assert.throws(() => requestTrailers(['x-a', 'a\nb']), /invalid character in the value of trailer/);
    assert.deepEqual({ ...requestTrailers(['X-A', '1', 'connection', 'x', ':path', '/']) }, { 'x-a': ['1'] });
  });
});
