import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { StreamBody } from './body.ts';
import { MeshError } from './errors.ts';
import { errorReply, localReply } from './local-reply.ts';
import { Caller, makeCall } from './testing/caller.ts';
import { VirtualClock } from './util/virtual-clock.ts';

const teapot = { status: 418, body: Buffer.from('teapot'), contentType: 'text/plain' };

describe('local reply', () => {
  // As Envoy 1.40 was seen to write them (test/peers/envoy-decisions.test.ts).
  function reply(method: string, status: number, body: string): (string | number)[] {
    const caller = new Caller();
    localReply(makeCall({ method }), caller, { status, body: Buffer.from(body), contentType: 'text/plain' });
    assert.equal(caller.said.at(-1), 'end');
    return [caller.status, ...caller.headers.flat(), caller.body];
  }

  it('tells length and type of its body', () => {
    assert.deepEqual(reply('GET', 503, 'no'), [503, 'content-length', '2', 'content-type', 'text/plain', 'no']);
  });

  it('tells a length of zero where there is none', () => {
    assert.deepEqual(reply('GET', 404, ''), [404, 'content-length', '0', '']);
  });

  it('tells no length where there cannot be a body', () => {
    assert.deepEqual(reply('GET', 204, ''), [204, '']);
    assert.deepEqual(reply('GET', 304, ''), [304, '']);
    assert.deepEqual(reply('HEAD', 404, ''), [404, '']);
  });

  it('tells the length of the body that HEAD leaves out', () => {
    assert.deepEqual(reply('HEAD', 503, 'no'), [503, 'content-length', '2', 'content-type', 'text/plain', '']);
  });

  it('tells an error by its status and body, and an overflow by a header too', () => {
    const told = (error: MeshError) => {
      const caller = new Caller();
      errorReply(makeCall(), new VirtualClock(), caller, error);
      return [caller.status, caller.body, caller.headers.get('x-envoy-overloaded')];
    };
    assert.deepEqual(told(new MeshError('no_healthy_upstream', 'none')), [503, 'no healthy upstream', undefined]);
    assert.deepEqual(told(new MeshError('no_route', 'none')), [404, '', undefined]);
    assert.equal(told(new MeshError('upstream_overflow', 'full'))[2], 'true');
  });

  it('ends the caller’s stream, which nobody will read', async () => {
    let closed = false;
    const body = new StreamBody(
      (async function* () {
        try {
          yield Buffer.from('a');
          yield Buffer.from('b');
        } finally {
          closed = true;
        }
      })(),
    );
    await body.open()[Symbol.asyncIterator]().next();
    localReply(makeCall({ method: 'POST', body }), new Caller(), teapot);
    await turn();
    assert.equal(closed, true);
  });

  it('waits for a caller that paused at the sight of the head, or of the body', () => {
    const call = makeCall();
    const caller = new Caller();
    caller.on.start = () => call.controller.pause();
    caller.on.data = () => call.controller.pause();
    localReply(call, caller, teapot);
    assert.deepEqual(caller.said, ['start 418']);
    call.controller.resume();
    assert.deepEqual(caller.said, ['start 418', 'data teapot']);
    call.controller.resume();
    assert.deepEqual(caller.said, ['start 418', 'data teapot', 'end']);
    call.controller.pause();
    call.controller.resume();
    assert.equal(caller.endings, 1);
  });

  it('a caller that pauses and resumes in one go gets everything once', () => {
    const call = makeCall();
    const caller = new Caller();
    caller.on.start = () => {
      call.controller.pause();
      call.controller.resume();
    };
    localReply(call, caller, teapot);
    assert.deepEqual(caller.said, ['start 418', 'data teapot', 'end']);
  });

  for (const at of ['start', 'data']) {
    it(`ends with the caller’s reason when it gives up at the ${at}`, () => {
      const call = makeCall();
      const caller = new Caller();
      caller.on[at] = () => call.controller.abort(new Error('enough'));
      localReply(call, caller, teapot);
      assert.equal(caller.said.at(-1), 'error enough');
      assert.equal(caller.endings, 1);
    });
  }
});
