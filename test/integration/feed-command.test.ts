import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ResourceInput } from '@inmesh/control-plane';
import { main } from '../../packages/inmesh/src/cli/main.ts';
import { cluster, endpoints, rdsListener, routes, service, virtualHost } from '../support/feed.ts';
import { bootstrapFor, Scene, until } from '../support/scene.ts';
import { refusingPort } from '../support/servers.ts';

const toShop = [{ match: { prefix: '/' }, route: { cluster: 'shop' } }];

/** A service whose parts are all resources of their own, and one with its routes in the listener. */
function resources(shop: ResourceInput = cluster('shop')): ResourceInput[] {
  return [
    rdsListener('shop:80', 'shop-routes'),
    routes('shop-routes', [virtualHost('shop', toShop)]),
    shop,
    endpoints('shop', [1]),
    ...service('reviews', [2], { listener: 'reviews:9080' }),
  ];
}

describe('inmesh feed', () => {
  let folder: string;
  let scene: Scene;
  let bootstrap: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'inmesh-feed-'));
    scene = await Scene.start(resources());
    bootstrap = join(folder, 'bootstrap.json');
    await writeFile(bootstrap, bootstrapFor(scene.plane.address));
  });
  afterEach(async () => {
    await scene[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  /** Runs it within this process. */
  function start(args: readonly string[], signal?: AbortSignal) {
    const lines: string[] = [];
    const errors: string[] = [];
    const io = {
      out: (line: string) => void lines.push(line),
      err: (line: string) => void errors.push(line),
      env: { GRPC_XDS_BOOTSTRAP: bootstrap },
      ...(signal !== undefined && { signal }),
    };
    return { code: main(['feed', ...args], io), lines, errors };
  }
  async function feed(...args: string[]) {
    const { code, lines, errors } = start(args);
    return { code: await code, lines, errors };
  }
  /** Without versions, which are hashes. */
  const plain = (lines: readonly string[]): string[] => lines.map((line) => line.replace(/ {2}version \S+/, ''));

  it('follows a service through the feed, and prints what it holds', async () => {
    const { code, lines, errors } = await feed('http://shop/');
    assert.deepEqual(errors, []);
    assert.deepEqual(plain(lines), [
      `control plane ${scene.plane.address}: connected, sotw`,
      'Listener  shop:80  ACKED',
      'RouteConfiguration  shop-routes  ACKED',
      'Cluster  shop  ACKED',
      'ClusterLoadAssignment  shop  ACKED',
      '4 resources: 4 ACKED',
    ]);
    assert.equal(code, 0);
  });

  it('asks for everything, or shows one type', async () => {
    const all = await feed('--all');
    assert.equal(all.code, 0);
    assert.equal(all.lines.at(-1), '7 resources: 7 ACKED');
    const some = await feed('--all', '--type', 'cluster', '--type', 'EDS');
    assert.deepEqual(plain(some.lines.slice(1)), [
      'Cluster  reviews  ACKED',
      'Cluster  shop  ACKED',
      'ClusterLoadAssignment  reviews  ACKED',
      'ClusterLoadAssignment  shop  ACKED',
      '4 resources: 4 ACKED',
    ]);
  });

  it('exits with 1 where something is refused, and says why', async () => {
    scene.plane.update(resources(cluster('shop', { connect_timeout: '-1s' })));
    const { code, lines } = await feed('shop:80');
    assert.equal(code, 1);
    const at = lines.findIndex((line) => line.startsWith('Cluster  shop  NACKED  refused '));
    assert.match(lines[at + 1] ?? '', /^ {4}.*connect_timeout: .*greater than 0s.*test-node/);
    assert.match(lines.at(-1) ?? '', /1 NACKED/);
  });

  it('exits with 1 where nobody answers in time', async () => {
    await writeFile(bootstrap, bootstrapFor(`127.0.0.1:${await refusingPort()}`));
    const { code, lines, errors } = await feed('shop:80', '--within', '50');
    assert.equal(code, 1);
    assert.deepEqual(errors, ['not everything was told within 50 ms']);
    assert.match(lines[0] ?? '', /backoff, sotw, .*ADS stream failed/);
  });

  it('follows changes until it is stopped', async () => {
    const stop = new AbortController();
    const { code, lines } = start(['--all', '--watch'], stop.signal);
    try {
      await until(() => lines.some((line) => line.startsWith('7 resources')), 'the first look');
      lines.length = 0;
      scene.plane.update(resources(cluster('shop', { connect_timeout: '-1s' })));
      await until(() => lines.length === 2, 'the refusal');
      assert.match(lines[0] ?? '', /^Cluster {2}shop {2}NACKED {2}version \S+ {2}refused /);
      lines.length = 0;
      scene.plane.update([...resources(), ...service('new', [3], { listener: 'new:80' })]);
      const told = (): string[] => plain(lines).filter((line) => line.endsWith('ACKED'));
      await until(() => told().length === 4, 'the new service');
      assert.deepEqual(told().sort(), [
        'Cluster  new  ACKED',
        'Cluster  shop  ACKED',
        'ClusterLoadAssignment  new  ACKED',
        'Listener  new:80  ACKED',
      ]);
    } finally {
      stop.abort();
    }
    assert.equal(await code, 0);
  });

  it('prints JSON, and the contents in the form that validate reads', async () => {
    const { lines } = await feed('--all', '--json');
    const { servers, resources: told } = JSON.parse(lines.join('\n')) as {
      servers: { connected: boolean }[];
      resources: { name: string; state: string }[];
    };
    assert.equal(servers[0]?.connected, true);
    assert.equal(told.length, 7);
    const contents = await feed('--all', '--contents');
    const file = join(folder, 'status.json');
    await writeFile(file, contents.lines.join('\n'));
    const printed: string[] = [];
    const io = { out: (line: string) => void printed.push(line), err: assert.fail, env: {} };
    assert.equal(await main(['validate', file, '--strict'], io), 0);
    assert.deepEqual(printed, ['7 resources in 1 files: 0 errors, 0 warnings']);
  });

  it('exits with 2 for a mistake in the call', async () => {
    for (const [args, message] of [
      [[], /asked by name: give listeners or URLs, or --all/],
      [['--type', 'x', '--all'], /--type x: it is none of Listener/],
      [['--within', 'soon', 'a'], /--within soon/],
    ] as const) {
      const { code, errors } = await feed(...args);
      assert.equal(code, 2);
      assert.match(errors.join(), message);
    }
  });
});
