import assert from 'node:assert/strict';
import { VirtualClock } from '@inmesh/core';
import { FakeRpc } from '../testing/fake-rpc.ts';
import { FollowedStream } from './followed-stream.ts';

const UNAVAILABLE = { code: 14, message: 'away' };

describe('FollowedStream', () => {
  let clock: VirtualClock;
  let rpc: FakeRpc;
  let heard: string[];
  let stream: FollowedStream;

  beforeEach(() => {
    clock = new VirtualClock();
    rpc = new FakeRpc();
    heard = [];
    stream = new FollowedStream(
      {
        transport: rpc,
        path: '/Service/Follow',
        metadata: { key: 'value' },
        request: Uint8Array.of(1),
        clock,
        random: () => 0.5,
        backoff: { baseMs: 1_000, maxMs: 4_000 },
      },
      {
        onMessage: (message) => {
          heard.push(`message ${message[0]}`);
          return message[0] !== 0;
        },
        onFailed: (error, forGood) => heard.push(`${error.message}${forGood ? ', for good' : ''}`),
      },
    );
  });

  it('sends one request and says that there is no other', () => {
    assert.deepEqual(
      rpc.streams.map(({ path, metadata, sent, finished }) => ({ path, metadata, sent, finished })),
      [{ path: '/Service/Follow', metadata: { key: 'value' }, sent: [Uint8Array.of(1)], finished: true }],
    );
  });

  it('waits longer from one failure to the next, up to the longest', () => {
    for (const wait of [1_000, 1_600, 2_560, 4_000, 4_000]) {
      const { length } = rpc.streams;
      rpc.last.handlers.onEnd(UNAVAILABLE);
      clock.advance(wait - 1);
      assert.equal(rpc.streams.length, length);
      clock.advance(1);
      assert.equal(rpc.streams.length, length + 1);
    }
    assert.equal(heard.length, 5);
    assert.equal(heard[0], 'away (status 14)');
  });

  it('is opened again at once after one that was of use, and silently where the server ended it', () => {
    clock.advance(5_000);
    rpc.last.handlers.onMessage(Uint8Array.of(1));
    rpc.last.handlers.onEnd({ code: 0, message: '' });
    clock.advance(0);
    assert.equal(rpc.streams.length, 2);
    assert.deepEqual(heard, ['message 1']);
  });

  it('is not opened at once again and again', () => {
    while (clock.now() < 10_000) {
      const { length } = rpc.streams;
      rpc.last.handlers.onMessage(Uint8Array.of(1));
      rpc.last.handlers.onEnd({ code: 0, message: '' });
      clock.advance(0);
      if (rpc.streams.length === length) clock.advance(1_000);
    }
    assert.equal(rpc.streams.length, 1 + 2 * 10, 'two a second: one at once, one after the wait');
  });

  it('takes a message that was of no use for none', () => {
    rpc.last.handlers.onMessage(Uint8Array.of(0));
    rpc.last.handlers.onEnd(UNAVAILABLE);
    clock.advance(999);
    assert.equal(rpc.streams.length, 1);
    clock.advance(1);
    assert.equal(rpc.streams.length, 2);
  });

  for (const code of [3, 12]) {
    it(`is not opened again after status ${code}`, () => {
      rpc.last.handlers.onEnd({ code, message: 'no' });
      assert.deepEqual(heard, [`no (status ${code}), for good`]);
      assert.equal(clock.pending, 0);
    });
  }

  it('leaves nothing behind', () => {
    stream.close();
    assert.equal(rpc.last.closed, true);
    const other = rpc.streams.length;
    clock.advance(60_000);
    assert.equal(rpc.streams.length, other);
  });

  it('leaves nothing behind while it waits', () => {
    rpc.last.handlers.onEnd(UNAVAILABLE);
    stream.close();
    assert.equal(clock.pending, 0);
  });
});
