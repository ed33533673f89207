import assert from 'node:assert/strict';
import { parseSpiffeId } from './spiffe-id.ts';

describe('parseSpiffeId', () => {
  it('takes a workload and a trust domain apart', () => {
    assert.deepEqual(parseSpiffeId('spiffe://td.example/ns/a/sa/b'), { trustDomain: 'td.example', path: '/ns/a/sa/b' });
    assert.deepEqual(parseSpiffeId('spiffe://cluster.local'), { trustDomain: 'cluster.local', path: '' });
  });

  for (const [what, uri] of [
    ['another scheme', 'https://td/ns/a'],
    ['no trust domain', 'spiffe:///ns/a'],
    ['capitals in the trust domain', 'spiffe://TD/ns/a'],
    ['a port', 'spiffe://td:80/ns/a'],
    ['user info', 'spiffe://me@td/ns/a'],
    ['a query', 'spiffe://td/ns?a'],
    ['an empty segment', 'spiffe://td/ns//a'],
    ['a slash at the end', 'spiffe://td/ns/'],
    ['a relative segment', 'spiffe://td/ns/../a'],
    ['an escape', 'spiffe://td/n%73'],
    ['a line break', 'spiffe://td/ns\n'],
    ['more than 2048 bytes', `spiffe://td/${'a'.repeat(2048)}`],
  ] as const) {
    it(`refuses ${what}`, () => assert.equal(parseSpiffeId(uri), null));
  }
});
