import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { StreamBody } from '../body.ts';
import type { Call } from '../call.ts';
import { isMeshError, MeshError, type MeshErrorCode } from '../errors.ts';
import { Headers } from '../headers.ts';
import { type CallOptions, send } from '../testing/caller.ts';
import { Inner } from '../testing/inner.ts';
import { VirtualClock } from '../util/virtual-clock.ts';
import { MeshStats, observe } from './observe.ts';

function setup() {
  const inner = new Inner();
  const stats = new MeshStats();
  const replies: { call: Call; headers: Headers; error: Error }[] = [];
  const idle: number[] = [];
  const dispatch = observe({
    clock: new VirtualClock(),
    stats,
    onLocalReply: (call, headers, error) => replies.push({ call, headers, error }),
    onIdle: () => idle.push(stats.downstream_rq_active),
  })(inner.dispatch);
  return { inner, stats, replies, idle, dispatch, send: (options: CallOptions = {}) => send(dispatch, options) };
}

const endless = () => {
  const state = { closed: false };
  const body = new StreamBody(
    (async function* () {
      try {
        for (;;) yield Buffer.from('x');
      } finally {
        state.closed = true;
      }
    })(),
  );
  return { state, body };
};

describe('observe', () => {
  const codes: readonly MeshErrorCode[] = [
    'no_route',
    'no_cluster',
    'no_healthy_upstream',
    'upstream_overflow',
    'retry_limit_exceeded',
    'connection_failure',
    'connection_termination',
    'remote_reset',
    'protocol_error',
    'request_timeout',
    'config_timeout',
    'hold_overflow',
    'unsupported',
    'invalid_request',
    'invalid_config',
    'not_in_mesh',
    'draining',
  ];
  for (const code of codes) {
    it(`${code}: a local reply with its status, body and flag, or the error, as the caller wants it`, () => {
      const { inner, stats, replies, idle, send } = setup();
      const told = send();
      inner.last.break(code);
      const error = new MeshError(code, 'the connection ended');
      assert.deepEqual([told.caller.status, told.caller.body], [error.status, error.body]);
      assert.equal(told.caller.endings, 1);
      assert.equal(stats.flags[error.flag], 1);
      assert.equal(replies.length, 1);
      assert.equal(replies[0]?.call, told.call);
      assert.equal(replies[0]?.headers, told.caller.headers);
      assert.ok(isMeshError(replies[0]?.error) && replies[0].error.code === code);
      assert.equal(error.status >= 500 ? stats.downstream_rq_5xx : stats.downstream_rq_4xx, 1);
      assert.equal(stats.downstream_rq_completed, 1);

      const thrown = send({ failAs: 'error' });
      inner.last.break(code);
      assert.deepEqual(thrown.caller.said, [`error ${code} ${error.flag}`]);
      assert.equal(stats.flags[error.flag], 2);
      assert.equal(replies.length, 1);
      assert.deepEqual(idle, [0, 0]);
    });
  }

  it('counts what calls came to, and tells when the last in flight has ended', () => {
    const { inner, stats, idle, send } = setup();
    for (const status of [200, 302, 404, 500]) send({ path: `/${status}` });
    assert.deepEqual([stats.downstream_rq_total, stats.downstream_rq_active], [4, 4]);
    for (const exchange of inner.exchanges) {
      assert.deepEqual(idle, []);
      exchange.answer(Number(exchange.call.head.path.slice(1)));
    }
    const { downstream_rq_2xx, downstream_rq_3xx, downstream_rq_4xx, downstream_rq_5xx } = stats;
    assert.deepEqual([downstream_rq_2xx, downstream_rq_3xx, downstream_rq_4xx, downstream_rq_5xx], [1, 1, 1, 1]);
    assert.deepEqual([stats.downstream_rq_completed, stats.downstream_rq_active], [4, 0]);
    assert.deepEqual(idle, [0]);
    assert.deepEqual(Object.keys(stats.flags), []);
  });

  it('a failure after the response has begun is an error of the stream', () => {
    const { inner, stats, send, replies } = setup();
    const { caller } = send();
    inner.last.begin().sent().start(200).data('half').break();
    assert.deepEqual(caller.said.slice(2), ['start 200', 'data half', 'error connection_termination UC']);
    assert.deepEqual([stats.downstream_rq_tx_reset, stats.downstream_rq_active, stats.flags.UC], [1, 0, 1]);
    assert.equal(replies.length, 0);
  });

  it('an error that is not the mesh’s stays what it is', () => {
    const { inner, stats, send } = setup();
    const { caller } = send();
    inner.last.fail(new TypeError('native'));
    assert.ok(caller.error instanceof TypeError);
    assert.deepEqual([stats.downstream_rq_active, Object.keys(stats.flags)], [0, []]);
  });

  it('the caller’s own abort stays its own, also where the mesh failed the call because of it', () => {
    const { inner, stats, send } = setup();
    const { call, caller } = send();
    call.controller.abort(new Error('enough'));
    assert.deepEqual(caller.said, ['error enough']);
    assert.equal(stats.downstream_rq_rx_reset, 1);
    assert.equal(inner.last.heard[0], 'abort enough');
  });

  it('an upgrade ends the call for the mesh', () => {
    const { inner, stats, send, idle } = setup();
    const { caller } = send({ upgrade: 'websocket' });
    inner.last.handler.onUpgrade(101, Headers.empty(), null as never);
    assert.deepEqual(caller.said, ['upgrade 101']);
    assert.equal(stats.downstream_rq_active, 0);
    assert.deepEqual(idle, [0]);
  });

  it('HEAD gets no body, and a caller that pauses gets a local reply when it resumes', () => {
    const { inner, send } = setup();
    const head = send({ method: 'HEAD' });
    inner.last.break('no_healthy_upstream');
    assert.deepEqual(head.caller.said, ['start 503', 'end']);
    const paused = send();
    paused.call.controller.pause();
    inner.last.break('no_healthy_upstream');
    assert.deepEqual(paused.caller.said, ['start 503']);
    paused.call.controller.resume();
    assert.deepEqual(paused.caller.said, ['start 503', 'data no healthy upstream', 'end']);
  });

  it('a caller that gives a paused local reply up hears of it once', () => {
    const { inner, stats, send, idle } = setup();
    const { call, caller } = send();
    call.controller.pause();
    inner.last.break('no_healthy_upstream');
    call.controller.abort(new Error('enough'));
    call.controller.resume();
    assert.deepEqual(caller.said, ['start 503', 'error enough']);
    assert.deepEqual([stats.downstream_rq_active, stats.downstream_rq_rx_reset, idle], [0, 1, [0]]);
  });

  it('the caller’s stream ends with the call, however that ends', async () => {
    const endings: readonly ((given: ReturnType<typeof setup>, call: Call) => void)[] = [
      ({ inner }) => inner.last.answer(413),
      ({ inner }) => inner.last.break(),
      ({ inner }) => inner.last.begin().start(200).break(),
      ({ inner }) => inner.last.fail(new Error('native')),
      ({ inner }) => inner.last.handler.onUpgrade(101, Headers.empty(), null as never),
      (_, call) => call.controller.abort(new Error('enough')),
    ];
    for (const [index, end] of endings.entries()) {
      const given = setup();
      const { state, body } = endless();
      const { call } = given.send({ method: 'POST', body });
      await body.open()[Symbol.asyncIterator]().next();
      end(given, call);
      await turn();
      assert.equal(state.closed, true, `ending ${index}`);
    }
  });
});
