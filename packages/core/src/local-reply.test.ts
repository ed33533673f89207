import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { StreamBody } from './body.ts';
import { MeshError } from './errors.ts';
import { errorReply, localReply } from './local-reply.ts';
import { Caller, makeCall } from './testing/caller.ts';

const reply = { status: 418, body: Buffer.from('teapot'), contentType: 'text/plain' };

describe('local reply', () => {
  it('has the shape of Envoy’s', () => {
    const caller = new Caller();
    localReply(makeCall(), caller, reply);
    assert.deepEqual(caller.said, ['start 418', 'data teapot', 'end']);
    assert.deepEqual(caller.headers.flat(), ['content-length', '6', 'content-type', 'text/plain']);
  });

  it('tells an error by its status and body, and an empty body by a length of zero', () => {
    const caller = new Caller();
    errorReply(makeCall(), caller, new MeshError('no_healthy_upstream', 'none'));
    assert.deepEqual([caller.status, caller.body], [503, 'no healthy upstream']);
    const empty = new Caller();
    errorReply(makeCall(), empty, new MeshError('no_route', 'none'));
    assert.deepEqual(empty.said, ['start 404', 'end']);
    assert.deepEqual(empty.headers.flat(), ['content-length', '0']);
  });

  // As Envoy 1.40 was seen to do (test/peers/envoy-decisions.test.ts).
  it('tells no length where there cannot be a body', () => {
    for (const [method, status] of [
      ['GET', 204],
      ['GET', 304],
      ['HEAD', 404],
    ] as const) {
      const caller = new Caller();
      localReply(makeCall({ method }), caller, { status, body: Buffer.alloc(0), contentType: 'text/plain' });
      assert.deepEqual([caller.said, caller.headers.flat()], [[`start ${status}`, 'end'], []]);
    }
  });

  it('says that the mesh has no room', () => {
    const caller = new Caller();
    errorReply(makeCall(), caller, new MeshError('upstream_overflow', 'full'));
    assert.equal(caller.headers.get('x-envoy-overloaded'), 'true');
  });

  it('has no body for HEAD, and says how long it would be', () => {
    const caller = new Caller();
    localReply(makeCall({ method: 'HEAD' }), caller, reply);
    assert.deepEqual(caller.said, ['start 418', 'end']);
    assert.equal(caller.headers.get('content-length'), '6');
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
    localReply(makeCall({ method: 'POST', body }), new Caller(), reply);
    await turn();
    assert.equal(closed, true);
  });

  it('waits for a caller that paused at the sight of the head, or of the body', () => {
    const call = makeCall();
    const caller = new Caller();
    caller.on.start = () => call.controller.pause();
    caller.on.data = () => call.controller.pause();
    localReply(call, caller, reply);
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
    localReply(call, caller, reply);
    assert.deepEqual(caller.said, ['start 418', 'data teapot', 'end']);
  });

  for (const at of ['start', 'data']) {
    it(`ends with the caller’s reason when it gives up at the ${at}`, () => {
      const call = makeCall();
      const caller = new Caller();
      caller.on[at] = () => call.controller.abort(new Error('enough'));
      localReply(call, caller, reply);
      assert.equal(caller.said.at(-1), 'error enough');
      assert.equal(caller.endings, 1);
    });
  }
});
