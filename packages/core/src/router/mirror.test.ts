import assert from 'node:assert/strict';
import { StreamBody } from '../body.ts';
import type { MirrorPolicy } from '../model/mirror.ts';
import { send } from '../testing/caller.ts';
import { Harness, QUIET } from '../testing/harness.ts';
import { assignment, forward, route, virtualHost } from '../testing/models.ts';

function policy(more: Partial<MirrorPolicy> = {}): MirrorPolicy {
  const none = { clusterHeader: '', fraction: null, shadowSuffix: true, hostRewrite: '', mutations: [] };
  return { cluster: 'copies', ...none, ...more };
}

function setup(mirrors: readonly MirrorPolicy[] = [policy()]) {
  const harness = new Harness();
  const copies = harness.newCluster({ name: 'copies' });
  copies.assign(assignment(9));
  harness.use(virtualHost([route(forward('reviews', { mirrors }))]), { copies });
  return { harness, copies };
}

/** All that was sent, by port. */
function acceptAll(harness: Harness): Record<string, string> {
  const sent: Record<string, string> = {};
  harness.connector.onExchange = ({ call }) => {
    sent[call.endpoint?.key ?? ''] = call.head.authority;
  };
  while (harness.connector.opening.length > 0) harness.connector.next.accept();
  return sent;
}

describe('mirror', () => {
  it('sends a copy on, and its failure is nobody else’s', () => {
    const { harness, copies } = setup();
    const { caller } = send(harness.dispatch);
    assert.deepEqual(acceptAll(harness), { '10.0.0.1:1': 'reviews:9080', '10.0.0.1:9': 'reviews-shadow:9080' });
    for (const { pools } of copies.endpoints.values()) assert.notEqual(pools, null);
    harness.connector.last.break();
    assert.equal(caller.endings, 0);
    assert.equal(copies.stats.upstream_rq_total, 1);
  });

  it('gives a copy the time of its route', () => {
    const { harness, copies } = setup();
    send(harness.dispatch);
    acceptAll(harness);
    harness.clock.advance(20_000);
    assert.equal(copies.stats.upstream_rq_active, 0);
    assert.deepEqual(harness.gauges, QUIET);
  });

  it('keeps a streamed body while it is sent, and sends it on when it is whole', async () => {
    const { harness } = setup();
    const body = new StreamBody([Buffer.from('he'), Buffer.from('llo')]);
    const { call } = send(harness.dispatch, { method: 'POST', body });
    const reader = call.body?.open();
    assert.ok(reader);
    let read = '';
    for await (const chunk of reader) read += Buffer.from(chunk).toString();
    assert.equal(read, 'hello');
    harness.connector.next.accept();
    assert.equal(harness.connector.opening.length, 0);
    harness.connector.last.handler.onRequestSent(true);
    harness.connector.next.accept();
    assert.equal(Buffer.from(harness.connector.last.call.body?.bytes ?? []).toString(), 'hello');
  });

  it('makes no copy of a body that is longer than 1 MiB', async () => {
    const { harness } = setup();
    const body = new StreamBody([new Uint8Array(1024 * 1024), new Uint8Array(1)]);
    const { call } = send(harness.dispatch, { method: 'POST', body });
    let length = 0;
    for await (const chunk of call.body?.open() ?? []) length += chunk.byteLength;
    assert.equal(length, 1024 * 1024 + 1);
    harness.connector.next.accept();
    harness.connector.last.handler.onRequestSent(true);
    assert.equal(harness.connector.opening.length, 0);
  });

  it('takes as many as the fraction says', () => {
    const never = policy({ fraction: { defaultValue: { numerator: 0, denominator: 100 }, runtimeKey: 'share' } });
    const { harness, copies } = setup([never]);
    send(harness.dispatch);
    assert.equal(copies.stats.upstream_cx_total, 0);
    assert.equal(harness.connector.opening.length, 1);
  });
});
