import assert from 'node:assert/strict';
import { VirtualClock } from '@inmesh/core';
import { FakeRpc } from '../testing/fake-rpc.ts';
import { callRpc } from './call.ts';
import { closeWhenIdle } from './close-when-idle.ts';

describe('callRpc', () => {
  const call = (rpc: FakeRpc, clock: VirtualClock) =>
    callRpc({
      transport: closeWhenIdle(rpc),
      path: '/S/M',
      metadata: {},
      request: Uint8Array.of(7),
      timeoutMs: 1_500,
      clock,
    });

  it('gives the answer, and leaves no connection behind', async () => {
    const rpc = new FakeRpc();
    const clock = new VirtualClock();
    const answer = call(rpc, clock);
    assert.deepEqual(rpc.last.sent, [Uint8Array.of(7)]);
    assert.equal(rpc.last.finished, true);
    assert.equal(rpc.last.metadata['grpc-timeout'], '1500m');
    rpc.last.handlers.onMessage(Uint8Array.of(8));
    rpc.last.handlers.onEnd({ code: 0, message: '' });
    assert.deepEqual(await answer, Uint8Array.of(8));
    assert.equal(clock.pending, 0);
    assert.equal(rpc.closes, 1);
  });

  it('fails with the status of the server', async () => {
    const rpc = new FakeRpc();
    const answer = call(rpc, new VirtualClock());
    rpc.last.handlers.onEnd({ code: 16, message: 'who are you' });
    await assert.rejects(answer, { name: 'RpcError', code: 16, message: 'who are you (status 16)' });
  });

  it('fails where there is no answer in an OK', async () => {
    const rpc = new FakeRpc();
    const answer = call(rpc, new VirtualClock());
    rpc.last.handlers.onEnd({ code: 0, message: '' });
    await assert.rejects(answer, { code: 13 });
  });

  it('gives up after its time', async () => {
    const rpc = new FakeRpc();
    const clock = new VirtualClock();
    const answer = call(rpc, clock);
    clock.advance(1_500);
    await assert.rejects(answer, /no answer within 1500 ms \(status 4\)/);
    assert.equal(rpc.last.closed, true);
    assert.equal(rpc.closes, 1);
  });
});
