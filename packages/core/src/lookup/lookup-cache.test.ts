import assert from 'node:assert/strict';
import { MeshError } from '../errors.ts';
import { LookupCache, type LookupEntry } from './lookup-cache.ts';

/** Of 10 bytes, with an id of two. */
const entry = (options: Partial<LookupEntry> = {}): LookupEntry => ({
  answer: { targets: ['abcd'], headerData: 'data' },
  expiresAt: 100,
  staleAt: 100,
  error: null,
  failures: 0,
  backoffUntil: 0,
  keepUntil: 0,
  ...options,
});

describe('LookupCache', () => {
  it('gives up what was not used for longest where there is no room', () => {
    const cache = new LookupCache(30);
    for (const id of ['k1', 'k2', 'k3']) cache.set(id, entry(), 1);
    cache.get('k1');
    cache.set('k4', entry(), 1);
    assert.deepEqual(
      ['k1', 'k2', 'k3', 'k4'].map((id) => cache.get(id) !== null),
      [true, false, true, true],
    );
  });

  it('counts an entry as large as it is now', () => {
    const cache = new LookupCache(30);
    cache.set('k1', entry(), 1);
    cache.set('k1', entry({ answer: { targets: ['a'], headerData: '' } }), 1);
    for (const id of ['k2', 'k3']) cache.set(id, entry(), 1);
    assert.equal(cache.size, 3);
    cache.set('k2', entry({ answer: { targets: ['abcdefghijkl'], headerData: 'data' } }), 1);
    assert.deepEqual([cache.size, cache.get('k1')], [2, null]);
  });

  it('keeps what is new for a while, however small it is', () => {
    const cache = new LookupCache(1);
    cache.set('k1', entry({ keepUntil: 5 }), 0);
    cache.set('k2', entry({ keepUntil: 9 }), 4);
    assert.equal(cache.size, 2);
    cache.set('k3', entry({ keepUntil: 10 }), 5);
    assert.deepEqual([cache.size, cache.get('k1')], [2, null]);
  });

  it('can let all that failed be asked for again', () => {
    const cache = new LookupCache(100);
    const error = new MeshError('no_cluster', 'gone');
    cache.set('k1', entry({ error, failures: 3, backoffUntil: 50 }), 1);
    cache.set('k2', entry(), 1);
    cache.resetBackoff();
    assert.deepEqual(
      [cache.get('k1')?.failures, (cache.get('k1')?.backoffUntil ?? 0) < 0, cache.get('k1')?.error],
      [0, true, error],
    );
    assert.deepEqual(cache.get('k2'), entry());
  });
});
