import assert from 'node:assert/strict';
import { Controller, type Holder } from './controller.ts';
import { send } from './testing/caller.ts';
import { Harness, QUIET } from './testing/harness.ts';
import { forward, prefix, retryPolicy, route, virtualHost } from './testing/models.ts';

class Held implements Holder {
  readonly heard: string[] = [];
  abort(error: Error): void {
    this.heard.push(`abort ${error.message}`);
  }
  pause(): void {
    this.heard.push('pause');
  }
  resume(): void {
    this.heard.push('resume');
  }
}

describe('controller', () => {
  it('tells the one who holds the call at the moment, and no one before', () => {
    const controller = new Controller();
    const [queue, connection] = [new Held(), new Held()];
    controller.attach(queue);
    controller.pause();
    controller.attach(connection);
    controller.resume();
    controller.abort(new Error('enough'));
    assert.deepEqual(queue.heard, ['pause']);
    assert.deepEqual(connection.heard, ['resume', 'abort enough']);
  });

  it('lets a holder take back only itself', () => {
    const controller = new Controller();
    const [queue, connection] = [new Held(), new Held()];
    controller.attach(queue);
    controller.attach(connection);
    controller.detach(queue);
    controller.pause();
    assert.deepEqual(connection.heard, ['pause']);
    controller.detach(connection);
    controller.resume();
    assert.deepEqual(connection.heard, ['pause']);
  });

  it('aborts once, with the first reason', () => {
    const controller = new Controller();
    const held = new Held();
    controller.attach(held);
    assert.equal(controller.aborted, false);
    controller.abort(new Error('first'));
    controller.abort(new Error('second'));
    assert.deepEqual(held.heard, ['abort first']);
    assert.equal(controller.reason?.message, 'first');
  });

  it('interrupts without ending the call: it is not aborted, and may be interrupted again', () => {
    const controller = new Controller();
    const held = new Held();
    controller.attach(held);
    controller.interrupt(new Error('too slow'));
    controller.interrupt(new Error('too slow again'));
    assert.equal(controller.aborted, false);
    assert.deepEqual(held.heard, ['abort too slow', 'abort too slow again']);
  });

  it('remembers a pause for who comes later, and resumes only what was paused', () => {
    const controller = new Controller();
    const held = new Held();
    controller.resume();
    controller.pause();
    controller.attach(held);
    assert.equal(controller.paused, true);
    controller.resume();
    controller.resume();
    assert.deepEqual(held.heard, ['resume']);
  });
});

/** Every place where a call can be, and how it gets there. */
const places: readonly { readonly name: string; readonly go: (harness: Harness) => ReturnType<typeof send> }[] = [
  { name: 'the hold queue', go: (harness) => send(harness.dispatch) },
  {
    name: 'the queue of its pool',
    go: (harness) => {
      harness.use(virtualHost([route(forward('reviews'))]));
      return send(harness.dispatch);
    },
  },
  {
    name: 'its backoff',
    go: (harness) => {
      harness.use(virtualHost([route(forward('reviews', { retryPolicy: retryPolicy('connect-failure') }))]));
      const sent = send(harness.dispatch);
      harness.connector.next.refuse();
      assert.equal(harness.cluster.retriesActive, 1);
      return sent;
    },
  },
  {
    name: 'a connection',
    go: (harness) => {
      harness.use(virtualHost([route(forward('reviews'))]));
      const sent = send(harness.dispatch);
      harness.connector.next.accept();
      harness.connector.last.begin();
      sent.caller.said.length = 0;
      return sent;
    },
  },
  {
    name: 'a local reply that waits for its caller',
    go: (harness) => {
      harness.use(
        virtualHost([
          route(
            { kind: 'direct_response', status: 200, body: Buffer.from('hi'), bodyFormat: null },
            { path: prefix('/') },
          ),
        ]),
      );
      const paused = {
        dispatch: (...[call, handler]: Parameters<Harness['dispatch']>) => {
          call.controller.pause();
          harness.dispatch(call, handler);
        },
      };
      const sent = send(paused.dispatch);
      assert.deepEqual(sent.caller.said, ['start 200']);
      sent.caller.said.length = 0;
      return sent;
    },
  },
];

describe('a caller steers its call in', () => {
  for (const { name, go } of places) {
    it(`${name}: abort ends it at once, exactly once, with the caller's own error`, () => {
      const harness = new Harness();
      const { call, caller } = go(harness);
      call.controller.abort(new Error('enough'));
      assert.deepEqual(caller.said, ['error enough']);
      call.controller.abort(new Error('again'));
      call.controller.interrupt(new Error('too late'));
      harness.clock.advance(60_000);
      assert.equal(caller.endings, 1);
      assert.deepEqual(harness.gauges, QUIET);
      assert.equal(harness.clock.pending, 0);
      assert.equal(harness.stats.downstream_rq_rx_reset, 1);
      assert.equal(harness.idle, 1);
    });

    it(`${name}: pause and resume lose nothing`, () => {
      const harness = new Harness();
      const { call, caller } = go(harness);
      call.controller.pause();
      call.controller.resume();
      if (harness.authority.waiting > 0) harness.use(virtualHost([route(forward('reviews'))]));
      harness.clock.advance(250);
      if (harness.connector.opening.length > 0) harness.connector.next.accept();
      if (caller.endings === 0) harness.connector.last.answer();
      assert.equal(caller.said.at(-1), 'end');
      assert.equal(caller.status, 200);
    });
  }

  it('no place yet: a call that was aborted before it came goes nowhere', () => {
    const harness = new Harness();
    harness.use(virtualHost([route(forward('reviews'))]));
    const { caller } = send((call, handler) => {
      call.controller.abort(new Error('changed my mind'));
      harness.dispatch(call, handler);
    });
    assert.deepEqual(caller.said, ['error changed my mind']);
    assert.equal(harness.connector.attempts, 0);
    assert.deepEqual(harness.gauges, QUIET);
  });

  it('no place any more: abort after the end, of whatever kind, is not heard', () => {
    for (const failAs of ['response', 'error'] as const) {
      const harness = new Harness();
      harness.use(virtualHost([route(forward('reviews', { retryPolicy: retryPolicy('') }))]));
      const { call, caller } = send(harness.dispatch, { failAs });
      harness.connector.next.refuse();
      assert.equal(caller.endings, 1);
      call.controller.abort(new Error('too late'));
      const done = send(harness.dispatch, { failAs });
      harness.connector.next.accept();
      harness.connector.last.answer();
      done.call.controller.abort(new Error('too late'));
      assert.equal(done.caller.said.at(-1), 'end');
    }
  });

  it('one call may give up others while all of them are failed', () => {
    const harness = new Harness();
    harness.use(virtualHost([route(forward('reviews', { retryPolicy: retryPolicy('') }))]));
    const calls = [1, 2, 3].map(() => send(harness.dispatch, { failAs: 'error' }));
    const [first, second, third] = calls as [(typeof calls)[0], (typeof calls)[0], (typeof calls)[0]];
    first.caller.on.error = () => second.call.controller.abort(new Error('with the first'));
    harness.connector.next.refuse();
    assert.deepEqual(first.caller.said, ['error connection_failure UF']);
    assert.deepEqual(second.caller.said, ['error with the first']);
    assert.deepEqual(third.caller.said, ['error connection_failure UF']);
    for (const opening of [...harness.connector.opening]) opening.accept();
    assert.deepEqual(harness.gauges, QUIET);
  });
});
