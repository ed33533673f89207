import assert from 'node:assert/strict';
import { StreamBody } from '../body.ts';
import { CONNECTION_MANAGER_DEFAULTS, type ConnectionManager } from '../model/connection-manager.ts';
import type { DirectResponseAction, RouteAction } from '../model/route.ts';
import { type CallOptions, send } from '../testing/caller.ts';
import { Harness, routeTable } from '../testing/harness.ts';
import { forward, route, virtualHost } from '../testing/models.ts';

const ID = 'b4b2c6a0-0000-4000-8000-0123456789ab';
const teapot: DirectResponseAction = {
  kind: 'direct_response',
  status: 418,
  body: Buffer.from('teapot'),
  bodyFormat: null,
};

function scene(manager: Partial<ConnectionManager>, action: RouteAction = forward('reviews', { timeoutMs: 0 })) {
  const harness = new Harness();
  const table = routeTable(
    virtualHost([route(action)]),
    { reviews: harness.cluster },
    {
      manager: { ...CONNECTION_MANAGER_DEFAULTS, ...manager },
    },
  );
  harness.authority.settle({ table });
  return {
    harness,
    send: (options: CallOptions = {}) => send(harness.dispatch, options),
    /** The headers with which a request arrives. */
    arrived: (headers: readonly string[], options: CallOptions = {}) => {
      const { call } = send(harness.dispatch, { headers, ...options });
      harness.connector.next.accept();
      return call.head;
    },
  };
}

describe('connection manager', () => {
  it('refuses all calls by name where the feed needs what it cannot do', () => {
    const { caller } = scene({ unsupported: ['add_user_agent'] }).send();
    assert.equal(caller.status, 500);
    assert.match(caller.body, /needs what this version lacks: add_user_agent/);
  });

  it('takes off what is of the connection alone', () => {
    const { headers } = scene({}).arrived([
      'Connection',
      'X-Mine, close',
      'x-mine',
      'a',
      'Keep-Alive',
      'timeout=5',
      'Proxy-Connection',
      'close',
      'Upgrade',
      'h2c',
      'Transfer-Encoding',
      'chunked',
      'TE',
      'gzip, Trailers',
      'Expect',
      '100-continue',
      'X-Envoy-Retry-On',
      '5xx',
      'x-envoy-mine',
      'b',
      'x-forwarded-client-cert',
      'By=me',
    ]);
    const own = ['x-request-id', 'x-forwarded-proto'];
    assert.deepEqual(
      [...headers].filter(([name]) => !own.includes(name)),
      [
        ['TE', 'trailers'],
        ['x-envoy-mine', 'b'],
      ],
    );
  });

  it('refuses too many headers, and too much of them, before any connection is made', () => {
    const { harness, send: ask } = scene({ limits: { maxBytes: 100, maxCount: 3, underscores: 'allow' } });
    const many = ask({ headers: ['a', '1', 'b', '2', 'c', '3'] });
    assert.deepEqual([many.caller.status, many.call.failure?.details], [431, 'http1.too_many_headers']);
    const long = ask({ headers: ['a', 'x'.repeat(100)] });
    assert.deepEqual([long.caller.status, long.call.failure?.details], [431, 'http1.headers_too_large']);
    assert.equal(ask({ headers: ['a', '1', 'b', '2'] }).caller.status, 0);
    assert.equal(harness.cluster.stats.upstream_rq_pending_total, 1);
  });

  it('drops or refuses names with an underscore', () => {
    const limits = CONNECTION_MANAGER_DEFAULTS.limits;
    const dropped = scene({ limits: { ...limits, underscores: 'drop' } }).arrived(['a_b', '1', 'c', '2']);
    assert.deepEqual([dropped.headers.has('a_b'), dropped.headers.get('c')], [false, '2']);
    const { caller } = scene({ limits: { ...limits, underscores: 'reject' } }).send({ headers: ['a_b', '1'] });
    assert.deepEqual([caller.status, caller.body], [400, 'Bad Request']);
  });

  it('refuses or redirects by the path, gRPC calls never by a redirect', () => {
    const path = { normalize: false, mergeSlashes: false, escapedSlashes: 'redirect' } as const;
    const made = scene({ path });
    const { caller } = made.send({ path: '/a%2Fb?c' });
    assert.deepEqual([caller.status, caller.headers.get('location')], [307, '/a/b?c']);
    const grpc = made.send({ path: '/a%2Fb', headers: ['content-type', 'application/grpc'] });
    assert.deepEqual([grpc.caller.status, grpc.caller.headers.get('grpc-status')], [200, '13']);
    assert.equal(scene({ path: { ...path, escapedSlashes: 'reject' } }).send({ path: '/%5c' }).caller.status, 400);
    assert.equal(made.harness.stats.downstream_rq_active, 0);
  });

  it('writes into the request id whether it is traced', () => {
    const all = { numerator: 10_000, denominator: 10_000 } as const;
    const none = { numerator: 0, denominator: 10_000 } as const;
    const idOf = (sampling: ConnectionManager['sampling'], headers: readonly string[], pack = true) => {
      const requestId = { ...CONNECTION_MANAGER_DEFAULTS.requestId, packTraceReason: pack };
      return scene({ sampling, requestId }).arrived(headers).headers.get('x-request-id')?.[14];
    };
    const asks = ['x-request-id', ID, 'x-client-trace-id', 'a'];
    const hundred = { numerator: 100, denominator: 100 } as const;
    assert.equal(idOf({ client: hundred, random: none, overall: all }, asks), 'b');
    assert.equal(idOf({ client: hundred, random: all, overall: all }, ['x-request-id', ID]), '9');
    assert.equal(idOf({ client: hundred, random: all, overall: none }, asks), '4');
    assert.equal(idOf({ client: hundred, random: all, overall: all }, asks, false), '4');
    assert.equal(idOf({ client: hundred, random: all, overall: all }, ['x-request-id', 'mine']), undefined);
  });

  it('changes every response on its way out, its own as well', () => {
    const requestId = { ...CONNECTION_MANAGER_DEFAULTS.requestId, alwaysInResponse: true };
    const { caller } = scene({ via: 'mesh', requestId }, teapot).send({ headers: ['via', 'a'] });
    assert.deepEqual([caller.headers.get('via'), caller.headers.get('x-request-id')], ['mesh', 'request-id']);
    const refused = scene({ via: 'mesh', unsupported: ['x'] }).send();
    assert.deepEqual([refused.caller.status, refused.caller.headers.get('via')], [500, 'mesh']);
  });

  describe('stream timers', () => {
    it('end a call on which nothing happens, and tell whose turn it was', () => {
      const { harness, send: ask } = scene({ streamIdleTimeoutMs: 1_000 });
      const { caller, call } = ask();
      harness.connector.next.accept();
      harness.connector.last.begin().sent();
      harness.clock.advance(990);
      assert.equal(caller.status, 0);
      harness.clock.advance(20);
      assert.deepEqual([caller.status, caller.body, call.failure?.flag], [504, 'stream timeout', 'SI']);
      const endless = ask({ body: new StreamBody((async function* () {})()) });
      harness.clock.advance(1_010);
      assert.equal(endless.caller.status, 408);
      assert.equal(harness.clock.pending, 0);
    });

    it('begin anew with every byte, and wait for a caller that does not read', () => {
      const { harness, send: ask } = scene({ streamIdleTimeoutMs: 1_000 });
      const { caller, call } = ask();
      harness.connector.next.accept();
      const exchange = harness.connector.last.begin().sent().start();
      for (let i = 0; i < 5; i++) {
        harness.clock.advance(900);
        exchange.data('x');
      }
      call.controller.pause();
      harness.clock.advance(5_000);
      assert.equal(caller.endings, 0);
      call.controller.resume();
      harness.clock.advance(2_010);
      assert.match(String(caller.error), /stream_idle_timeout/);
    });

    it('are none where the route’s own timeout comes first', () => {
      const { harness, send: ask } = scene({ streamIdleTimeoutMs: 5_000 }, forward('reviews', { timeoutMs: 1_000 }));
      const { caller, call } = ask();
      harness.clock.advance(1_010);
      assert.deepEqual([caller.status, call.failure?.flag], [504, 'UT']);
    });

    it('end a call that takes too long, the route’s say first', () => {
      const slow = forward('reviews', { timeoutMs: 0, maxStreamDurationMs: 3_000 });
      const { harness, send: ask } = scene({ maxStreamDurationMs: 1_000 }, slow);
      const { caller, call } = ask();
      harness.clock.advance(2_990);
      assert.equal(caller.status, 0);
      harness.clock.advance(20);
      assert.deepEqual([caller.status, call.failure?.details], [504, 'max_duration_timeout']);
    });
  });

  describe('local replies', () => {
    const atLeast = (value: number) =>
      ({ kind: 'status_code', compare: { op: 'ge', value, runtimeKey: 'least' } }) as const;
    const mapper = { status: null, body: null, bodyFormat: null, headersToAdd: [] };

    it('are mapped by the first filter that matches, and written in the format for all', () => {
      const localReply = {
        mappers: [
          { ...mapper, filter: atLeast(500), status: 599 },
          { ...mapper, filter: { kind: 'or', filters: [{ kind: 'traceable' }, atLeast(400)] } as const, body: 'four' },
        ],
        bodyFormat: {
          kind: 'text',
          text: '%RESPONSE_CODE% %LOCAL_REPLY_BODY%',
          omitEmptyValues: false,
          contentType: 'text/x',
        } as const,
      };
      const { caller } = scene({ localReply }, teapot).send();
      assert.deepEqual([caller.status, caller.body], [418, '418 four']);
      assert.equal(caller.headers.get('content-type'), 'text/x');
      const refused = scene({ localReply, unsupported: ['x'] }).send();
      assert.equal(refused.caller.status, 599);
    });

    it('ask the runtime', () => {
      const localReply = { mappers: [{ ...mapper, filter: atLeast(400), status: 500 }], bodyFormat: null };
      const made = scene({ localReply }, teapot);
      assert.equal(made.send().caller.status, 500);
    });

    it('of a service stay as they are', () => {
      const localReply = { mappers: [{ ...mapper, filter: atLeast(400), status: 500 }], bodyFormat: null };
      const { harness, send: ask } = scene({ localReply });
      const { caller } = ask();
      harness.connector.next.accept();
      harness.connector.last.answer(503);
      assert.equal(caller.status, 503);
    });
  });
});
