import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { type App, startApp, startTcp } from './support/apps.ts';
import { cluster, host, to } from './support/feed.ts';
import { describeWithPeers } from './support/peers.ts';
import { freePorts } from './support/ports.ts';
import { SharedFeed } from './support/shared-feed.ts';
import type { Ask, Outcome, Side } from './support/sides.ts';
import { until } from './support/until.ts';

/**
 * A real Envoy and inmesh on the same feed call services that fail in every way that needs no special network: nobody
 * listens, the connection breaks before, in or without a response, the answer is no HTTP or comes too late, or there is
 * no room for the call. Status, body, `x-envoy-overloaded` and response flags must be the same. Where the two differed
 * it was inmesh that was changed, so the expectations here are Envoy 1.40's own words.
 */
describeWithPeers(['envoy'], 'the same feed to Envoy and inmesh: failures', () => {
  const closing: (() => Promise<void>)[] = [];
  const open = new Set<ServerResponse>();
  let feed: SharedFeed;
  let flaky: App;
  let good: App;

  before(async () => {
    const [refused = 0] = await freePorts(1);
    const tcp = async (talk: Parameters<typeof startTcp>[0]) => {
      const server = await startTcp(talk);
      closing.push(server.close);
      return server.port;
    };
    const app = async (...args: Parameters<typeof startApp>) => {
      const made = await startApp(...args);
      closing.push(made.close);
      return made;
    };
    good = await app('good');
    // Answers 503 until it has been asked three times for the same thing.
    const asked = new Map<string, number>();
    flaky = await app('flaky', ({ headers }, response) => {
      const call = String(headers['x-call']);
      const times = (asked.get(call) ?? 0) + 1;
      asked.set(call, times);
      response.writeHead(times < 3 ? 503 : 200).end(`asked ${times}`);
    });
    const silent = await app('silent', () => {});
    // Answers when the test says so.
    const waiting = await app('waiting', (_, response) => open.add(response));
    const unwell = await app('unwell', (_, response) => response.writeHead(503, { 'x-app': 'unwell' }).end('my own'));
    const wordy = await app('wordy', (_, response) =>
      response.writeHead(200, { 'x-long': 'x'.repeat(30_000) }).end('much'),
    );
    const ports = {
      refused,
      good: good.port,
      flaky: flaky.port,
      silent: silent.port,
      waiting: waiting.port,
      unwell: unwell.port,
      wordy: wordy.port,
      ended: await tcp((socket) => socket.once('data', () => socket.end())),
      reset: await tcp((socket) => socket.once('data', () => socket.resetAndDestroy())),
      garbage: await tcp((socket) => socket.once('data', () => socket.end('no HTTP at all\r\n\r\n'))),
      torn: await tcp((socket) =>
        socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this')),
      ),
    };
    const retry = (retryOn: string, more: object = {}) => ({
      retry_policy: {
        retry_on: retryOn,
        num_retries: 3,
        retry_back_off: { base_interval: '0.001s', max_interval: '0.002s' },
        ...more,
      },
    });
    const otherHost = {
      retry_host_predicate: [
        {
          name: 'previous_hosts',
          typed_config: {
            '@type': 'type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate',
          },
        },
      ],
      host_selection_retry_max_attempts: '5',
    };
    const limits = (thresholds: object) => ({ circuit_breakers: { thresholds: [thresholds] } });
    feed = await SharedFeed.start({
      virtualHosts: [
        ...['good', 'ended', 'reset', 'garbage', 'torn', 'unwell', 'wordy', 'refused'].map((name) =>
          // Without this policy inmesh would try again what is safe to try again, where Envoy does not.
          host(name, [name], [to(name, '/', retry('retriable-4xx'))]),
        ),
        host('late', ['late'], [to('silent', '/', { timeout: '0.15s' })]),
        host(
          'late-try',
          ['late-try'],
          [to('silent', '/', { timeout: '10s', ...retry('reset', { num_retries: 1, per_try_timeout: '0.05s' }) })],
        ),
        host('two', ['two'], [to('two', '/', retry('connect-failure', otherHost))]),
        host('refused-retried', ['refused-retried'], [to('refused', '/', retry('connect-failure'))]),
        host('ended-retried', ['ended-retried'], [to('ended', '/', retry('reset'))]),
        host('flaky', ['flaky'], [to('flaky', '/', retry('5xx'))], { include_request_attempt_count: true }),
        host(
          'flaky-codes',
          ['flaky-codes'],
          [to('flaky', '/', retry('retriable-status-codes', { retriable_status_codes: [503] }))],
        ),
        host('unwell-retried', ['unwell-retried'], [to('unwell', '/', retry('gateway-error'))]),
        host('one-request', ['one-request'], [to('one-request', '/', retry('retriable-4xx'))]),
        host('one-pending', ['one-pending'], [to('one-pending', '/', retry('retriable-4xx'))]),
      ],
      resources: [
        ...Object.entries(ports).flatMap(([name, port]) => cluster(name, [port])),
        ...cluster('two', [ports.refused, ports.good]),
        ...cluster('one-request', [ports.waiting], limits({ max_requests: 1 })),
        ...cluster('one-pending', [ports.waiting], limits({ max_connections: 1, max_pending_requests: 1 })),
      ],
    });
  });
  after(async () => {
    for (const response of open) response.end();
    await feed?.stop();
    for (const close of closing) await close();
  });

  // Behind `|` Envoy puts what the platform said, in the platform's words.
  const facts = ({ status, body, flags, details, headers }: Outcome) => ({
    status,
    body,
    flags,
    details: details?.replace(/\|.*}$/, '}'),
    overloaded: headers['x-envoy-overloaded'],
    type: headers['content-type'],
  });

  async function both(ask: Ask): Promise<Outcome> {
    const [envoy, inmesh] = [await feed.sides[0].call(ask), await feed.sides[1].call(ask)];
    assert.deepEqual(facts(inmesh), facts(envoy), ask.authority);
    return inmesh;
  }

  const BEFORE = 'upstream connect error or disconnect/reset before headers. reset reason: ';
  const RETRIED = 'upstream connect error or disconnect/reset before headers. retried and the latest reset reason: ';
  for (const [what, authority, status, flags, body] of [
    ['nobody listens', 'refused', 503, 'UF', `${BEFORE}remote connection failure`],
    ['nobody listens, at any try', 'refused-retried', 503, 'URX,UF', `${RETRIED}remote connection failure`],
    ['the connection ends before the response', 'ended', 503, 'UC', `${BEFORE}connection termination`],
    ['the connection ends, at any try', 'ended-retried', 503, 'URX,UC', `${RETRIED}connection termination`],
    ['the connection is reset', 'reset', 503, 'UC', `${BEFORE}connection termination`],
    ['the answer is no HTTP', 'garbage', 502, 'UPE', `${BEFORE}protocol error`],
    ['the answer comes too late for the route', 'late', 504, 'UT', 'upstream request timeout'],
    ['the answer comes too late at any try', 'late-try', 504, 'URX,UT', 'upstream request timeout'],
    ['the service itself says 503', 'unwell', 503, '-', 'my own'],
    ['the headers are long', 'wordy', 200, '-', 'much'],
  ] as const) {
    it(`${what} → ${status} ${flags}`, async () => {
      const outcome = await both({ authority });
      assert.deepEqual([outcome.status, outcome.flags, outcome.body], [status, flags, body]);
    });
  }

  for (const authority of ['flaky', 'flaky-codes']) {
    it(`${authority}: a third try is answered`, async () => {
      flaky.seen.length = 0;
      assert.equal((await both({ authority })).body, 'asked 3');
      const counts = flaky.seen.map(({ headers }) => headers['x-envoy-attempt-count']);
      const expected = authority === 'flaky' ? ['1', '2', '3'] : [undefined, undefined, undefined];
      assert.deepEqual(counts, [...expected, ...expected]);
    });
  }

  // A response of the service carries no error of ours: that the tries ran out is seen in the statistics.
  it('the service itself says 503, at any try → its own 503', async () => {
    const [envoy, inmesh] = feed.sides;
    const theirs = await envoy.call({ authority: 'unwell-retried' });
    const ours = await inmesh.call({ authority: 'unwell-retried' });
    assert.deepEqual([theirs.status, theirs.body, theirs.flags], [503, 'my own', 'URX']);
    assert.deepEqual([ours.status, ours.body], [503, 'my own']);
    const stats = feed.mesh.statistics().clusters.unwell;
    assert.deepEqual([stats?.upstream_rq_retry, stats?.upstream_rq_retry_limit_exceeded], [3, 1]);
  });

  it('a host that refuses costs no call where another one answers', async () => {
    for (const side of feed.sides) {
      for (let i = 0; i < 40; i++) {
        const ask: Ask = i % 2 === 0 ? {} : { method: 'POST', body: 'a body that is sent again' };
        const { status, body, flags } = await side.call({ authority: 'two', ...ask });
        assert.deepEqual([side.name, status, body, flags], [side.name, 200, 'good', '-']);
      }
    }
  });

  it('a response that breaks off is an error for the caller, not a short body', async () => {
    for (const side of feed.sides) {
      await assert.rejects(side.call({ authority: 'torn' }), side.name);
    }
  });

  describe('no room', () => {
    /** Fills the cluster with one call that the app holds back, and one that waits for its connection; then one more. */
    async function overflow(side: Side, authority: string, waits: boolean): Promise<Outcome> {
      const calls = [side.call({ authority })];
      await until('the first call is with the app', () => open.size === 1);
      if (waits) {
        calls.push(side.call({ authority }));
        await until('the second one waits', () => pending(side, authority));
      }
      const outcome = await side.call({ authority });
      // One by one: who waits comes to the app when the one before has its answer.
      for (const call of calls) {
        const response = await until('a call is with the app', () => [...open][0] ?? null);
        open.delete(response);
        response.end('at last');
        await call;
      }
      for (const { status, body } of await Promise.all(calls)) assert.deepEqual([status, body], [200, 'at last']);
      return outcome;
    }

    async function pending(side: Side, authority: string): Promise<boolean> {
      if (side.name === 'inmesh') return feed.mesh.statistics().clusters[authority]?.upstream_rq_pending_active === 1;
      const stat = `cluster.${authority}.upstream_rq_pending_active`;
      const text = await (await fetch(`${feed.envoy.admin}/stats?filter=^${stat}$`)).text();
      return text.trim() === `${stat}: 1`;
    }

    for (const [limit, authority, waits] of [
      ['max_requests', 'one-request', false],
      ['max_pending_requests', 'one-pending', true],
    ] as const) {
      it(`${limit} → 503 UO`, async () => {
        const [envoy, inmesh] = [
          await overflow(feed.sides[0], authority, waits),
          await overflow(feed.sides[1], authority, waits),
        ];
        assert.deepEqual(facts(inmesh), facts(envoy));
        assert.deepEqual(facts(inmesh), {
          status: 503,
          flags: 'UO',
          details: 'upstream_reset_before_response_started{overflow}',
          body: `${BEFORE}overflow`,
          overloaded: 'true',
          type: 'text/plain',
        });
      });
    }
  });
});
