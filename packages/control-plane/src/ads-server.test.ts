import assert from 'node:assert/strict';
import { type ControlPlane, type ControlPlaneEvent, type ResourceInput, startControlPlane } from './index.ts';
import { resourceType } from './resource-type.ts';
import { RawAdsClient, summary } from './testing/raw-client.ts';

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

describe('ADS server, state of the world', () => {
  let plane: ControlPlane;
  let client: RawAdsClient;
  let events: ControlPlaneEvent[];
  const clients: RawAdsClient[] = [];

  function connect(node = 'n1'): RawAdsClient {
    const made = new RawAdsClient(plane.address, node);
    clients.push(made);
    return made;
  }
  async function nextIs(expected: string): Promise<Awaited<ReturnType<RawAdsClient['next']>>> {
    const response = await client.next();
    assert.equal(summary(response), expected);
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

  it('gives all of LDS and CDS where the first request names none', async () => {
    client.ask('cluster');
    client.ack(await nextIs('CDS 1: c'));
    plane.update([...mesh(), resource('cluster', 'd')]);
    client.ack(await nextIs('CDS 2: c d'));
    plane.update([resource('cluster', 'd')]);
    client.ack(await nextIs('CDS 3: d'));
  });

  it('gives what is named, and tells the absence of the rest at once', async () => {
    client.ask('listener', ['l', 'absent']);
    client.ack(await nextIs('LDS 1: l'), ['l', 'absent']);
    client.ask('route', ['absent']);
    const empty = await nextIs('RDS 1:');
    assert.equal(await client.silent(), true);
    client.ack(empty, ['absent']);
    plane.update([...mesh(), resource('route', 'absent')]);
    await nextIs('RDS 2: absent');
  });

  it('takes an empty list as nothing for RDS and EDS, and for LDS and CDS once there were names', async () => {
    client.ask('endpoints');
    assert.equal(await client.silent(), true);
    client.ask('listener', ['l']);
    client.ack(await nextIs('LDS 1: l'), []);
    plane.update(mesh('changed'));
    assert.equal(await client.silent(), true);
    assert.deepEqual(plane.status().nodes[0]?.types[resourceType.listener]?.subscribed, []);
  });

  it('knows the wildcard `*`, alone and beside names, and lets it go', async () => {
    client.ask('cluster', ['*', 'c']);
    const first = await nextIs('CDS 1: c');
    client.ack(first, ['c']);
    plane.update([...mesh(), resource('cluster', 'd')]);
    assert.equal(await client.silent(), true);
    client.ask('cluster', ['*'], { nonce: first.nonce });
    await nextIs('CDS 2: c d');
  });

  it('answers when names are added, not when they are given up, and sends again what is asked for again', async () => {
    plane.update([...mesh(), resource('endpoints', 'd')]);
    client.ask('endpoints', ['c']);
    const one = await nextIs('EDS 2: c');
    client.ack(one, ['c', 'd']);
    const two = await nextIs('EDS 2: c d');
    client.ack(two, ['c']);
    assert.equal(await client.silent(), true);
    client.ack(two, ['c', 'd']);
    assert.equal((await client.next()).resources.length, 2);
  });

  it('ignores a stale nonce and waits for the answer before the next response', async () => {
    client.ask('cluster');
    const first = await nextIs('CDS 1: c');
    plane.update([...mesh(), resource('cluster', 'd')]);
    plane.update([...mesh(), resource('cluster', 'e')]);
    assert.equal(await client.silent(), true);
    client.ack(first);
    const second = await nextIs('CDS 3: c e');
    client.nack(first, 'too late');
    assert.equal(await client.silent(), true);
    assert.equal(plane.status().nodes[0]?.types[resourceType.cluster]?.nack, null);
    client.ack(second);
    assert.equal(await client.silent(), true);
    assert.equal(plane.status().nodes[0]?.types[resourceType.cluster]?.ackedVersion, second.versionInfo);
  });

  it('sends nothing for an update that changes nothing', async () => {
    client.ask('cluster');
    client.ack(await nextIs('CDS 1: c'));
    plane.update(mesh());
    assert.equal(await client.silent(), true);
  });

  it('records a NACK per node and type, and does not repeat what was rejected', async () => {
    client.ask('cluster');
    const good = await nextIs('CDS 1: c');
    client.ack(good);
    plane.update([...mesh(), resource('cluster', 'bad')]);
    const bad = await nextIs('CDS 2: bad c');
    client.nack(bad, 'cluster bad: lb_policy');
    assert.equal(await client.silent(), true);
    assert.deepEqual(plane.status().nodes[0]?.types[resourceType.cluster], {
      subscribed: ['*'],
      sentVersion: bad.versionInfo,
      ackedVersion: good.versionInfo,
      nack: { version: bad.versionInfo, code: 3, message: 'cluster bad: lb_policy' },
    });
    assert.deepEqual(
      events.filter(({ type }) => type === 'nack'),
      [
        {
          type: 'nack',
          node: 'n1',
          typeUrl: resourceType.cluster,
          version: bad.versionInfo,
          code: 3,
          message: 'cluster bad: lb_policy',
        },
      ],
    );
    plane.update(mesh('better'));
    client.ack(await nextIs('CDS 3: c'));
    assert.equal(await client.silent(), true);
    assert.equal(plane.status().nodes[0]?.types[resourceType.cluster]?.nack, null);
  });

  async function subscribeToAll(): Promise<void> {
    client.ask('listener');
    client.ask('route', ['r']);
    client.ask('cluster');
    client.ask('endpoints', ['c']);
    for (const [expected, names] of [
      ['LDS 1: l', []],
      ['RDS 1: r', ['r']],
      ['CDS 1: c', []],
      ['EDS 1: c', ['c']],
    ] as const) {
      client.ack(await nextIs(expected), names);
    }
    assert.equal(await client.silent(), true);
  }

  it('updates in the order CDS, EDS, LDS, RDS, each after the answer to the one before', async () => {
    await subscribeToAll();
    const [listener, route, , endpoints] = mesh('new');
    const [, , cluster] = mesh();
    plane.update([listener!, route!, cluster!, endpoints!]);
    const eds = await nextIs('EDS 2: c');
    assert.equal(await client.silent(), true);
    client.ack(eds, ['c']);
    client.ack(await nextIs('LDS 2: l'));
    client.ack(await nextIs('RDS 2: r'), ['r']);
    plane.update([listener!, ...mesh().slice(1, 2), resource('cluster', 'd'), cluster!, endpoints!]);
    const cds = await nextIs('CDS 2: c d');
    assert.equal(await client.silent(), true);
    client.ack(cds);
    client.ack(await nextIs('RDS 3: r'), ['r']);
    assert.equal(await client.silent(), true);
  });

  it('sends endpoints once more with a cluster that changed, because Envoy answers for it when it has them', async () => {
    await subscribeToAll();
    const [listener, route, , endpoints] = mesh();
    plane.update([listener!, route!, resource('cluster', 'c', { alt_stat_name: 'other' }), endpoints!]);
    const cds = await nextIs('CDS 2: c');
    const eds = await nextIs('EDS 1: c');
    client.ack(eds, ['c']);
    client.ack(cds);
    assert.equal(await client.silent(), true);
  });

  it('keeps a removed cluster until the client has accepted the routes that no longer use it', async () => {
    await subscribeToAll();
    const [listener] = mesh();
    plane.update([
      listener!,
      resource('route', 'r', { internal_only_headers: ['x'] }),
      resource('cluster', 'd'),
      resource('endpoints', 'd'),
    ]);
    client.ack(await nextIs('CDS 2+kept: d c'), []);
    const rejected = await nextIs('RDS 2: r');
    client.nack(rejected, 'not this one', ['r']);
    assert.equal(await client.silent(), true, 'the client still uses the old routes');
    plane.update([
      listener!,
      resource('route', 'r', { internal_only_headers: ['y'] }),
      resource('cluster', 'd'),
      resource('endpoints', 'd'),
    ]);
    client.ack(await nextIs('RDS 3: r'), ['r']);
    client.ack(await nextIs('CDS 2: d'));
    assert.equal(await client.silent(), true);
  });

  it('serves any other type by name', async () => {
    const secret = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret';
    plane.update([...mesh(), { '@type': secret, name: 'ca' }]);
    client.ask(secret, ['ca']);
    await nextIs('Secret 1: ca');
  });

  it('serves a node its own snapshot and the others the default', async () => {
    plane.update([resource('cluster', 'mine')], { node: 'n2' });
    client.ask('cluster');
    client.ack(await nextIs('CDS 1: c'));
    const second = connect('n2');
    second.ask('cluster');
    const own = await second.next();
    assert.match(summary(own), /^CDS \d+: mine$/);
    second.ack(own);
    plane.update(null, { node: 'n2' });
    assert.match(summary(await second.next()), /^CDS \d+: c$/);
    assert.deepEqual(
      plane.status().nodes.map(({ id }) => id),
      ['n1', 'n2'],
    );
  });

  it('refuses an update as a whole, and serves on what it had', async () => {
    assert.throws(
      () => plane.update([resource('cluster', 'd'), resource('cluster', '')]),
      /resources\[1\]\.name: is empty/,
    );
    assert.throws(() => plane.update([resource('cluster', 'd'), resource('cluster', 'd')]), /already defined/);
    client.ask('cluster');
    await nextIs('CDS 1: c');
  });

  it('ends a stream that is no ADS and serves the others', async () => {
    client.sendGarbage();
    const status = await client.ended;
    assert.equal(status.code, 3);
    assert.match(status.message, /DiscoveryRequest/);
    const second = connect('n2');
    second.ask('', []);
    assert.match((await second.ended).message, /type_url is empty/);
    const third = connect('n3');
    third.ask('cluster');
    assert.equal(summary(await third.next()), 'CDS 1: c');
  });

  it('lists who is connected, and forgets who left', async () => {
    client.ask('cluster');
    await nextIs('CDS 1: c');
    const [node] = plane.status().nodes;
    assert.equal(node?.id, 'n1');
    assert.equal(node?.cluster, 'test');
    assert.equal(node?.userAgent, 'raw');
    const left = new Promise<void>((resolve) => {
      const push = events.push.bind(events);
      events.push = (event) => {
        if (event.type === 'disconnected') resolve();
        return push(event);
      };
    });
    client.close();
    await left;
    assert.deepEqual(plane.status().nodes, []);
  });

  it('tells clients that it shuts down', async () => {
    client.ask('cluster');
    await nextIs('CDS 1: c');
    await plane.close();
    assert.deepEqual(await client.ended, { code: 14, message: 'the control plane is shutting down' });
  });
});
