import assert from 'node:assert/strict';
import { isMeshError } from '../../errors.ts';
import { Headers } from '../../headers.ts';
import { makeCall } from '../../testing/caller.ts';
import { Harness } from '../../testing/harness.ts';
import { assignment, key } from '../../testing/models.ts';
import { VirtualClock } from '../../util/virtual-clock.ts';
import { sessionState } from './session-state.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const headOf = (...headers: string[]) => makeCall({ headers }).head;

describe('stateful_session', () => {
  it('finds its host again in the cookie that it wrote, until that is over', () => {
    const clock = new VirtualClock(1_700_000_000_000);
    const cookie = { name: 's', path: '/a', ttl: 60, attributes: [{ name: 'SameSite', value: 'Lax' }] };
    const state = sessionState({ kind: 'cookie', cookie }, clock);
    const headers = Headers.empty();
    state.write(headers, '10.0.0.1:80', null);
    const written = headers.get('set-cookie') ?? '';
    assert.match(written, /^s="[^"]+"; Max-Age=60; Path=\/a; SameSite=Lax; HttpOnly$/);
    const value = written.slice(0, written.indexOf(';'));
    assert.equal(state.read(headOf('cookie', `x=1; ${value}`)), '10.0.0.1:80');
    clock.advance(60_000);
    assert.equal(state.read(headOf('cookie', value)), null);
  });

  it('writes nothing where the session is where it was', () => {
    for (const config of [
      { kind: 'cookie', cookie: { name: 's', path: '', ttl: 0, attributes: [] } },
      { kind: 'header', name: 'x-s' },
    ] as const) {
      const headers = Headers.empty();
      sessionState(config, new VirtualClock()).write(headers, '10.0.0.1:80', '10.0.0.1:80');
      assert.deepEqual(headers.flat(), []);
    }
  });

  it('takes no host from what is none', () => {
    const cookie = sessionState(
      { kind: 'cookie', cookie: { name: 's', path: '', ttl: 0, attributes: [] } },
      new VirtualClock(),
    );
    const bad = ['', 'x', base64('x'), base64('\n\u00ff'), base64('\n\u0005ab'), base64('\n\u0002ab\u0018\u0001')];
    for (const value of bad) assert.equal(cookie.read(headOf('cookie', `s=${value}`)), null, value);
    const header = sessionState({ kind: 'header', name: 'x-s' }, new VirtualClock());
    for (const value of ['', '!', 'abc']) assert.equal(header.read(headOf('x-s', value)), null, value);
  });

  it('is asked for by the first attempt only, of a host that may be called; strict ones fail', () => {
    const { cluster } = new Harness();
    cluster.assign(assignment(1, 2, [3, { health: 'unhealthy' }]));
    const picks = (host: string, options: { strict?: boolean; attempt?: number } = {}) => {
      const call = makeCall();
      call.attempt = options.attempt ?? 1;
      call.overrideHost = { host, strict: options.strict ?? false, strictStatus: 409 };
      return new Set(
        Array.from({ length: 4 }, () => {
          const picked = cluster.pick(call);
          return isMeshError(picked) ? picked.status : picked.key;
        }),
      );
    };
    assert.deepEqual(picks(key(2)), new Set([key(2)]));
    assert.deepEqual(picks(key(3)), new Set([key(1), key(2)]));
    assert.deepEqual(picks('10.9.9.9:1'), new Set([key(1), key(2)]));
    assert.deepEqual(picks(key(2), { attempt: 2 }), new Set([key(1), key(2)]));
    assert.deepEqual(picks(key(3), { strict: true }), new Set([409]));
  });
});
