import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { type Address, VirtualClock } from '@inmesh/core';
import type { Opened } from './dial.ts';
import { inTurns, NEXT_ATTEMPT_MS, race } from './happy-eyeballs.ts';

const address = (host: string): Address => ({ kind: 'socket', host, port: 80 });
const names = (addresses: readonly Address[]) => addresses.map((one) => (one.kind === 'socket' ? one.host : one.path));

describe('the order of the addresses of a host', () => {
  const mixed = ['10.0.0.1', '10.0.0.2', '10.0.0.3', 'fd00::1', 'fd00::2'].map(address);

  it('lets the families take turns, the first address first', () => {
    assert.deepEqual(names(inTurns(mixed)), ['10.0.0.1', 'fd00::1', '10.0.0.2', 'fd00::2', '10.0.0.3']);
    assert.deepEqual(names(inTurns([...mixed].reverse())), ['fd00::2', '10.0.0.3', 'fd00::1', '10.0.0.2', '10.0.0.1']);
  });

  it('begins with the family, and with as many of it, as the feed says', () => {
    assert.deepEqual(names(inTurns(mixed, { firstFamily: 'v6', firstFamilyCount: 1 })), [
      'fd00::1',
      '10.0.0.1',
      'fd00::2',
      '10.0.0.2',
      '10.0.0.3',
    ]);
    assert.deepEqual(names(inTurns(mixed, { firstFamily: null, firstFamilyCount: 2 })), [
      '10.0.0.1',
      '10.0.0.2',
      'fd00::1',
      '10.0.0.3',
      'fd00::2',
    ]);
  });

  it('keeps what is of one family as it is', () => {
    assert.deepEqual(names(inTurns(mixed.slice(0, 3), { firstFamily: 'v6', firstFamilyCount: 1 })), [
      '10.0.0.1',
      '10.0.0.2',
      '10.0.0.3',
    ]);
    assert.deepEqual(inTurns([]), []);
  });
});

/** Attempts that the test lets succeed or fail. */
class Attempts {
  readonly clock = new VirtualClock();
  readonly started: string[] = [];
  readonly cancelled: string[] = [];
  readonly #open = new Map<string, Opened>();
  readonly results: (string | Socket)[] = [];

  run(hosts: readonly string[]): () => void {
    return race(
      hosts.map(address),
      this.clock,
      (one, opened) => {
        const [name = ''] = names([one]);
        this.started.push(name);
        this.#open.set(name, opened);
        return () => this.cancelled.push(name);
      },
      (error, socket) => this.results.push(socket ?? error?.cause.message ?? ''),
    );
  }

  fail(host: string): void {
    this.#open.get(host)?.({ timeout: false, cause: new Error(`no way to ${host}`) }, null);
  }

  succeed(host: string): Socket {
    const socket = { host } as unknown as Socket;
    this.#open.get(host)?.(null, socket);
    return socket;
  }
}

describe('a race between the addresses of a host', () => {
  let attempts: Attempts;
  beforeEach(() => {
    attempts = new Attempts();
  });

  it('gives each address 300 ms before the next one joins', () => {
    attempts.run(['a', 'b', 'c']);
    assert.deepEqual(attempts.started, ['a']);
    attempts.clock.advance(NEXT_ATTEMPT_MS - 1);
    assert.deepEqual(attempts.started, ['a']);
    attempts.clock.advance(1);
    assert.deepEqual(attempts.started, ['a', 'b']);
    attempts.clock.advance(NEXT_ATTEMPT_MS);
    assert.deepEqual(attempts.started, ['a', 'b', 'c']);
    assert.equal(attempts.clock.pending, 0);
  });

  it('goes on at once where an address fails', () => {
    attempts.run(['a', 'b', 'c']);
    attempts.fail('a');
    assert.deepEqual(attempts.started, ['a', 'b']);
    attempts.clock.advance(NEXT_ATTEMPT_MS - 1);
    assert.deepEqual(attempts.started, ['a', 'b'], 'the time of the second begins with it');
    attempts.clock.advance(1);
    assert.deepEqual(attempts.started, ['a', 'b', 'c']);
  });

  it('takes the first that is ready and gives the others up', () => {
    attempts.run(['a', 'b', 'c']);
    attempts.clock.advance(NEXT_ATTEMPT_MS);
    const socket = attempts.succeed('b');
    assert.deepEqual(attempts.results, [socket]);
    assert.deepEqual(attempts.cancelled, ['a']);
    assert.equal(attempts.clock.pending, 0, 'nobody else is tried');
    attempts.clock.advance(10_000);
    assert.deepEqual(attempts.started, ['a', 'b']);
  });

  it('tells the last failure, and only when all have failed', () => {
    attempts.run(['a', 'b']);
    attempts.clock.advance(NEXT_ATTEMPT_MS);
    attempts.fail('b');
    assert.deepEqual(attempts.results, []);
    attempts.fail('a');
    assert.deepEqual(attempts.results, ['no way to a']);
  });

  it('ends all of them when it is given up', () => {
    const cancel = attempts.run(['a', 'b', 'c']);
    attempts.clock.advance(NEXT_ATTEMPT_MS);
    cancel();
    assert.deepEqual(attempts.cancelled, ['a', 'b']);
    assert.equal(attempts.clock.pending, 0);
    assert.deepEqual(attempts.results, []);
  });
});
