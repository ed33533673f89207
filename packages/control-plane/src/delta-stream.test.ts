import assert from 'node:assert/strict';
import type { DeltaDiscoveryResponse } from '@inmesh/api/gen/envoy/service/discovery/v3/discovery_pb';
import { type ControlPlane, type ControlPlaneEvent, type ResourceInput, startControlPlane } from './index.ts';
import { resourceType } from './resource-type.ts';
import { deltaSummary, RawDeltaClient } from './testing/raw-delta-client.ts';

function resource(type: keyof typeof resourceType, name: string, more: object = {}): ResourceInput {
  const field = type === 'endpoints' ? 'cluster_name' : 'name';
  return { '@type': resourceType[type], [field]: name, ...more };
}
const mesh = (suffix = ''): ResourceInput[] => [
  resource('listener', 'l', { stat_prefix: suffix }),
  resource('route', 'r', { internal_only_headers: [suffix] }),
  resource('cluster', 'c', { alt_stat_name: suffix }),
  resource('endpoints', 'c', { policy: { overprovisioning_factor: 100 + suffix.length } }),
];

describe('ADS server, incremental', () => {
  let plane: ControlPlane;
  let client: RawDeltaClient;
  let events: ControlPlaneEvent[];
  const clients: RawDeltaClient[] = [];

  function connect(): RawDeltaClient {
    const made = new RawDeltaClient(plane.address, 'n1');
    clients.push(made);
    return made;
  }
  async function nextIs(expected: string): Promise<DeltaDiscoveryResponse> {
    const response = await client.next();
    assert.equal(deltaSummary(response), expected);
    return response;
  }

  beforeEach(async () => {
    events = [];
    plane = await startControlPlane({ resources: mesh(), onEvent: (event) => events.push(event) });
    client = connect();
  });
  afterEach(async () => {
    for (const one of clients.splice(0)) one.close();
    await plane.close();
  });

  it('gives all of LDS and CDS where the first request names none, and then only what changed', async () => {
    client.ask('cluster');
    client.ack(await nextIs('+c'));
    plane.update([...mesh(), resource('cluster', 'd')]);
    client.ack(await nextIs('+d'));
    plane.update([resource('cluster', 'd')]);
    client.ack(await nextIs('-c'));
    plane.update([resource('cluster', 'd', { alt_stat_name: 'x' })]);
    client.ack(await nextIs('+d'));
    assert.equal(await client.silent(), true);
  });

  it('gives what is named, tells at once what does not exist, and sends it when it does', async () => {
    client.ask('endpoints', { subscribe: ['c', 'absent'] });
    client.ack(await nextIs('+c -absent'));
    plane.update([...mesh(), resource('endpoints', 'absent')]);
    client.ack(await nextIs('+absent'));
    plane.update([...mesh('x'), resource('endpoints', 'absent')]);
    client.ack(await nextIs('+c'), { unsubscribe: ['c'] });
    plane.update([...mesh('xy'), resource('endpoints', 'absent')]);
    assert.equal(await client.silent(), true);
    client.ask('endpoints', { subscribe: ['c'] });
    client.ack(await nextIs('+c'));
    client.ask('endpoints', { subscribe: ['c'] });
    await nextIs('+c');
  });

  it('takes `*` as all, alone and beside names, and lets it go', async () => {
    client.ask('cluster', { subscribe: ['*', 'absent'] });
    client.ack(await nextIs('+c -absent'));
    client.ask('cluster', { unsubscribe: ['*'] });
    assert.equal(await client.silent(), true);
    plane.update([...mesh(), resource('cluster', 'd'), resource('cluster', 'absent')]);
    client.ack(await nextIs('+absent'));
    client.ask('cluster', { subscribe: ['*'] });
    await nextIs('+c +d');
  });

  it('takes all and not all in one request as nothing', async () => {
    client.ask('cluster', { subscribe: ['*'], unsubscribe: ['*'] });
    assert.equal(await client.silent(), true);
    assert.deepEqual(plane.status().nodes[0]?.types[resourceType.cluster]?.subscribed, []);
    client.ask('cluster', { subscribe: ['c'] });
    await nextIs('+c');
  });

  it('sends after a reconnect what changed meanwhile, and names what went', async () => {
    plane.update([...mesh(), resource('cluster', 'd'), resource('cluster', 'e')]);
    client.ask('cluster');
    const all = await nextIs('+c +d +e');
    const initial = Object.fromEntries(all.resources.map(({ name, version }) => [name, version]));
    client.close();
    plane.update([...mesh('x'), resource('cluster', 'd')]);
    client = connect();
    client.ask('cluster', { initial });
    await nextIs('+c -e');
    client = connect();
    client.ask('endpoints', { subscribe: ['gone'], initial: { gone: '1' } });
    await nextIs('-gone');
  });

  it('answers all with an empty response where there is nothing, so that the client knows', async () => {
    plane.update([]);
    client.ask('cluster');
    await nextIs('');
  });

  it('records a NACK, and does not repeat what was refused until it changes', async () => {
    client.ask('cluster');
    client.ack(await nextIs('+c'));
    plane.update(mesh('bad'));
    client.ack(await nextIs('+c'), { refusal: 'cluster "c": no' });
    assert.equal(await client.silent(), true);
    assert.equal(plane.status().nodes[0]?.types[resourceType.cluster]?.nack?.message, 'cluster "c": no');
    assert.equal(events.filter(({ type }) => type === 'nack').length, 1);
    plane.update(mesh('good'));
    client.ack(await nextIs('+c'));
    assert.equal(await client.silent(), true);
    assert.equal(plane.status().nodes[0]?.types[resourceType.cluster]?.nack, null);
  });

  it('waits for the answer, heeds the names of a request with a stale nonce, and not its verdict', async () => {
    client.ask('cluster', { subscribe: ['c'] });
    const first = await nextIs('+c');
    client.ack(first);
    plane.update([...mesh('x'), resource('cluster', 'd')]);
    const second = await nextIs('+c');
    client.ask('cluster', { nonce: first.nonce, refusal: 'too late', subscribe: ['d'] });
    assert.equal(await client.silent(), true);
    assert.equal(plane.status().nodes[0]?.types[resourceType.cluster]?.nack, null);
    client.ack(second);
    await nextIs('+d');
  });

  it('updates in the order CDS, EDS, LDS, RDS, and takes away last what others point at', async () => {
    const asked: [string, string[]][] = [
      ['listener', []],
      ['route', ['r']],
      ['cluster', []],
      ['endpoints', ['c']],
    ];
    for (const [type, subscribe] of asked) {
      client.ask(type, { subscribe });
      client.ack(await client.next());
    }
    plane.update(mesh('new').map((each, index) => (index === 2 ? resource('cluster', 'd') : each)));
    const told: string[] = [];
    for (let count = 0; count < 5; count++) {
      const response = await client.next();
      told.push(`${response.typeUrl.split('.').at(-1)} ${deltaSummary(response)}`);
      client.ack(response);
    }
    assert.deepEqual(told, [
      'Cluster +d',
      'ClusterLoadAssignment +c',
      'Listener +l',
      'RouteConfiguration +r',
      'Cluster -c',
    ]);
    assert.equal(await client.silent(), true);
  });

  it('sends with a changed cluster its endpoints once more, by the name that it asks with, and no others', async () => {
    const named = (timeout: string) =>
      resource('cluster', 'd', { connect_timeout: timeout, eds_cluster_config: { service_name: 'of-d' } });
    const rest = [resource('endpoints', 'of-d'), resource('endpoints', 'e'), resource('cluster', 'e')];
    plane.update([...mesh(), named('1s'), ...rest]);
    client.ask('cluster');
    client.ack(await nextIs('+c +d +e'));
    client.ask('endpoints', { subscribe: ['c', 'of-d', 'e'] });
    client.ack(await nextIs('+c +of-d +e'));
    plane.update([...mesh('x').slice(2, 3), ...mesh().slice(3), named('2s'), ...rest, resource('cluster', 'new')]);
    const clusters = await nextIs('+c +d +new');
    client.ack(clusters);
    client.ack(await nextIs('+c +of-d'));
    assert.equal(await client.silent(), true);
    // Gone together with the change: told as gone, once.
    plane.update([...mesh('xy').slice(2, 3), named('2s'), ...rest]);
    client.ack(await nextIs('+c -new'));
    client.ack(await nextIs('-c'));
    assert.equal(await client.silent(), true);
  });

  it('serves both variants side by side, or one, and ends a stream that is no ADS', async () => {
    client.sendGarbage();
    assert.equal((await client.ended).code, 3);
    client = connect();
    client.ask('');
    assert.match((await client.ended).message, /type_url is empty/);
    await plane.close();
    plane = await startControlPlane({ resources: mesh(), variants: ['sotw'] });
    client = connect();
    assert.equal((await client.ended).code, 12);
  });
});
