import assert from 'node:assert/strict';
import type { Head } from '../call.ts';
import { Headers } from '../headers.ts';
import { malformed } from './well-formed.ts';

function head(more: Partial<Omit<Head, 'headers'>> = {}, headers: readonly string[] = []): Head {
  const plain = { method: 'GET', scheme: 'http', authority: 'shop:80', path: '/a?b=c%20d', upgrade: null };
  return { ...plain, ...more, headers: Headers.from([...headers]) } as Head;
}

describe('well-formed requests', () => {
  it('takes what HTTP allows', () => {
    assert.equal(malformed(head({ method: 'M-SEARCH', path: '/~!*\'();:@&=+$,/?[]"<>^`{|}\\' })), null);
    assert.equal(malformed(head({}, ["x!#$%&'*+-.^_`|~9", 'a\tb caf\xe9'])), null);
    assert.equal(malformed(head({ authority: '[::1]:80' })), null);
  });

  it('names what is none, escaped, and shows no value', () => {
    const cases: [Head, RegExp][] = [
      [head({ method: 'G T' }), /^\[invalid_request\] the method "G T" is no HTTP/],
      [head({ path: '/a\r\nx: 1' }), /^\[invalid_request\] the path "\/a\\r\\nx: 1" is no HTTP/],
      [head({ path: '/a b' }), /^\[invalid_request\] the path/],
      [head({ path: '/caf\xe9' }), /^\[invalid_request\] the path/],
      [head({ authority: 'a\0b' }), /^\[invalid_request\] the authority "a\\u0000b"/],
      [head({}, ['x a', '1']), /^\[invalid_request\] the header name "x a"/],
      [head({}, ['', '1']), /^\[invalid_request\] the header name ""/],
      [head({}, ['cookie', 'secret\n']), /^\[invalid_request\] the value of the header "cookie" is no HTTP/],
    ];
    for (const [each, expected] of cases) {
      const error = malformed(each);
      assert.equal(error?.code, 'invalid_request');
      assert.match(error?.message ?? '', expected);
      assert.doesNotMatch(error?.message ?? '', /secret/);
    }
  });
});
