import assert from 'node:assert/strict';
import { CONNECTION_MANAGER_DEFAULTS } from '../model/connection-manager.ts';
import type { Listener } from '../model/listener.ts';
import { listener } from '../testing/models.ts';
import { normalizedAuthority } from './host.ts';

function made(
  stripPort: 'never' | 'matching' | 'any',
  stripTrailingDot: boolean,
  port: number | null = null,
): (authority: string, target?: string) => string {
  const base = listener();
  const manager = { ...CONNECTION_MANAGER_DEFAULTS, host: { stripPort, stripTrailingDot } };
  const full: Listener = {
    ...base,
    address: port === null ? null : { kind: 'socket', host: '0.0.0.0', port },
    http: base.http === null ? null : { ...base.http, manager },
  };
  return (authority, target = 'reviews:9080') => normalizedAuthority(full, authority, target);
}

describe('normalizedAuthority', () => {
  it('takes any port off, but from nothing that is none', () => {
    const strip = made('any', false);
    assert.deepEqual(
      ['a:1', 'a', '[::1]:80', '[::1]', 'a:', 'a:x'].map((each) => strip(each)),
      ['a', 'a', '[::1]', '[::1]', 'a:', 'a:x'],
    );
  });

  it('takes the listener’s own port off, else that of the call', () => {
    assert.deepEqual(
      ['a:80', 'a:81', 'a:9080'].map((each) => made('matching', false, 80)(each)),
      ['a', 'a:81', 'a:9080'],
    );
    assert.deepEqual(
      ['a:80', 'a:9080'].map((each) => made('matching', false)(each)),
      ['a:80', 'a'],
    );
  });

  it('takes a last dot off, also before a port', () => {
    const strip = made('never', true);
    assert.deepEqual(
      ['a.b.', 'a.b.:80', 'a.b', 'a..', '[::1]:80'].map((each) => strip(each)),
      ['a.b', 'a.b:80', 'a.b', 'a.', '[::1]:80'],
    );
    assert.equal(made('any', true)('a.:80'), 'a');
  });

  it('leaves all as it is by default, and where there is no connection manager', () => {
    assert.equal(made('never', false)('A.:80'), 'A.:80');
    assert.equal(normalizedAuthority({ ...listener(), http: null }, 'a:1', 'a:1'), 'a:1');
  });
});
