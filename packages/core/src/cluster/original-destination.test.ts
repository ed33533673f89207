import assert from 'node:assert/strict';
import { isMeshError } from '../errors.ts';
import { makeCall } from '../testing/caller.ts';
import { Harness } from '../testing/harness.ts';
import type { Endpoint } from './endpoint.ts';
import { originalDestination } from './original-destination.ts';

describe('a cluster of original destinations', () => {
  it('has the host that the call is for, the same one each time', () => {
    const cluster = new Harness().newCluster({ discovery: { kind: 'original_dst' } });
    const call = (target: string) => makeCall({ authority: target });
    const first = cluster.pick(call('db-0.db:5432'));
    assert.ok(!isMeshError(first));
    assert.deepEqual(first.config.address, { kind: 'socket', host: 'db-0.db', port: 5432 });
    assert.equal(cluster.pick(call('db-0.db:5432')), first);
    const six = cluster.pick(call('[fd00::1]:80'));
    assert.ok(!isMeshError(six));
    assert.deepEqual(six.config.address, { kind: 'socket', host: 'fd00::1', port: 80 });
  });

  it('forgets hosts that nobody is connected to', () => {
    const hosts = new Map<string, Endpoint>();
    for (let port = 1; port <= 1_000; port++) originalDestination(makeCall({ authority: `a:${port}` }), hosts);
    assert.equal(hosts.size, 1_000);
    originalDestination(makeCall({ authority: 'b:1' }), hosts);
    assert.deepEqual([...hosts.keys()], ['b:1']);
  });
});
