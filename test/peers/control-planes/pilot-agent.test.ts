import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMesh, type Explanation, type Mesh, meshErrorOf } from 'inmesh';
import { MeshProcess, MeshWorker } from '../../support/mesh-elsewhere.ts';
import { type App, startApp } from '../support/apps.ts';
import { describeWithPeers } from '../support/peers.ts';
import { until } from '../support/until.ts';
import { plainService, weights } from './istio-config.ts';
import { KubeIstio } from './kube-istio.ts';
import { PilotAgent, whyNoNamespace } from './pilot-agent.ts';

const REVIEWS = 'http://reviews:9080/';

const shares = ({ clusters }: Explanation) =>
  Object.fromEntries(clusters.map(({ name, share }) => [name.split('|')[2] ?? '', share]));

/**
 * A pod without a sidecar: an istio-agent in proxyless mode beside the application, which gets the agent's bootstrap and its
 * socket. Behind the agent is istiod with its CA, on a real Kubernetes API.
 */
function suite(): void {
  let kube: KubeIstio;
  let agent: PilotAgent;
  const apps: App[] = [];
  const refusals: string[] = [];
  const warnings: Error[] = [];

  const open = (flavour: 'auto' | 'grpc'): Promise<Mesh> =>
    createMesh({
      env: { GRPC_XDS_BOOTSTRAP: agent.bootstrap },
      flavour,
      onWarning: (warning) => warnings.push(warning),
    });
  const split = (v1: number) => kube.apply(weights('reviews', { v1, v2: 100 - v1 }));
  const answers = async (mesh: Mesh) => {
    const response = await mesh.fetch(REVIEWS);
    assert.equal(response.status, 200, meshErrorOf(response)?.message);
    assert.match(await response.text(), /^v[12]$/);
  };

  before(async () => {
    for (const name of ['v1', 'v2']) apps.push(await startApp(name));
    kube = await KubeIstio.start();
    kube.istiod.onLine((line) => {
      if (/ACK ERROR/.test(line)) refusals.push(line);
    });
    await kube.kubectl('create', 'serviceaccount', 'web');
    const endpoints = apps.map(({ name, port }) => ({ version: name, port }));
    await kube.apply(plainService('reviews', 9080, endpoints) + weights('reviews', { v1: 80, v2: 20 }));
    agent = await PilotAgent.start(kube.port, await kube.podFiles('web'));
  });

  after(async () => {
    await agent?.stop();
    await kube?.stop();
    for (const app of apps) await app.close();
  });

  afterEach('all that was sent is accepted', () => {
    assert.deepEqual(refusals, []);
    assert.deepEqual(warnings, []);
  });

  it('writes a bootstrap for gRPC, with its socket', async () => {
    const { xds_servers, node } = JSON.parse(await readFile(agent.bootstrap, 'utf8'));
    assert.match(xds_servers[0].server_uri, /^unix:\/\/\/.*\/XDS$/);
    assert.equal(node.metadata.GENERATOR, 'grpc');
  });

  for (const [option, name, reason] of [
    ['auto', 'sidecar', /istio-agent’s, which serves the full feed too/],
    ['grpc', 'grpc', /the option "flavour" says so/],
  ] as const) {
    it(`hands the ${name} flavour to who asks for ${option}, and changes as they come`, async () => {
      await split(80);
      const before = { overlaps: agent.overlaps, streams: agent.streams };
      await using mesh = await open(option);
      await mesh.ready({ services: [REVIEWS] });
      const explained = await until('the split is known', async () => {
        const now = await mesh.explain(REVIEWS);
        return shares(now).v1 === 0.8 ? now : null;
      });
      assert.equal(explained.flavour.name, name);
      assert.match(explained.flavour.why, reason);
      // What the flavour brings: a sidecar's feed has the listeners of all, gRPC's the one that was asked for.
      const resources = mesh.feed()?.resources ?? [];
      const listeners = resources.filter(({ kind }) => kind === 'listener');
      assert.equal(
        listeners.some(({ name }) => name === 'virtualOutbound'),
        name === 'sidecar',
      );
      assert.equal(/outlier detection/.test(explained.flavour.lacks.join()), name === 'grpc');
      await answers(mesh);
      await split(10);
      await until('the new split is in force', async () => shares(await mesh.explain(REVIEWS)).v1 === 0.1);
      await answers(mesh);
      // Without an Envoy the agent serves no secrets; and none are asked of istiod, which has none for a workload.
      assert.deepEqual(
        resources.filter(({ kind }) => kind === 'secret'),
        [],
      );
      assert.deepEqual(
        resources.filter(({ state }) => state === 'NACKED'),
        [],
      );
      assert.deepEqual([agent.overlaps - before.overlaps, agent.streams - before.streams], [0, 1]);
    });
  }

  it('may be started anew: calls go on, and changes are followed again', async () => {
    await split(80);
    await using mesh = await open('auto');
    await until('the split is known', async () => shares(await mesh.explain(REVIEWS)).v1 === 0.8);
    await answers(mesh);
    const restarted = agent.restart();
    await until('the stream is gone', () => mesh.feed()?.stream.connected === false);
    await answers(mesh);
    await restarted;
    await split(30);
    await until('the new split is in force', async () => shares(await mesh.explain(REVIEWS)).v1 === 0.3);
    await answers(mesh);
  });

  it('sees one stream of a process and its threads', async () => {
    const { overlaps, streams } = agent;
    await using mesh = await open('auto');
    await answers(mesh);
    const worker = new MeshWorker({ bootstrapConfig: await readFile(agent.bootstrap, 'utf8') });
    try {
      assert.match(await worker.get(REVIEWS), /^v[12]$/);
      assert.notEqual((await worker.feed()).stream.via, null);
      assert.deepEqual([agent.overlaps - overlaps, agent.streams - streams], [0, 1]);
    } finally {
      await worker.close();
    }
  });

  describe('with two processes', () => {
    const processes: MeshProcess[] = [];
    let directory = '';

    const start = (broker: string | null): void => {
      for (let i = 0; i < 2; i++) {
        processes.push(new MeshProcess({ bootstrap: agent.bootstrap, ...(broker !== null && { broker }) }));
      }
    };
    const all = <T>(ask: (process: MeshProcess) => Promise<T>): Promise<T[]> => Promise.all(processes.map(ask));
    const splitIs = (v1: number) =>
      until(`both have the split of ${v1}`, async () =>
        (await all((process) => process.explain(REVIEWS))).every((each) => shares(each).v1 === v1 / 100),
      );

    before(async () => {
      directory = await mkdtemp(join(tmpdir(), 'inmesh-agent-broker-'));
    });
    afterEach(async () => {
      await all((process) => process.close());
      processes.length = 0;
    });
    after(() => rm(directory, { recursive: true }));

    it('closes the older stream whenever the newer comes; both are served by turns, and are told the remedy', async () => {
      const { overlaps } = agent;
      await split(80);
      start(null);
      await splitIs(80);
      await until('each has taken it from the other', () => agent.overlaps >= overlaps + 4);
      await split(20);
      await splitIs(20);
      await until('they are told', async () => /option broker/.test((await all((each) => each.warnings())).join()));
      for (const answer of await all((process) => process.get(REVIEWS))) assert.match(answer, /^v[12]$/);
    });

    it('keeps the one stream that they share by a broker', async () => {
      const { overlaps, streams } = agent;
      await split(80);
      start(directory);
      await splitIs(80);
      const vias = (await all((process) => process.feed())).map(({ stream }) => stream.via);
      assert.equal(vias.filter((via) => via === null).length, 1);
      for (const v1 of [60, 20]) {
        await split(v1);
        await splitIs(v1);
      }
      for (const answer of await all((process) => process.get(REVIEWS))) assert.match(answer, /^v[12]$/);
      assert.deepEqual(await all((process) => process.warnings()), [[], []]);
      assert.deepEqual([agent.overlaps - overlaps, agent.streams - streams], [0, 1]);
    });
  });
}

describeWithPeers(
  ['kube-apiserver', 'etcd', 'kubectl', 'pilot-discovery', 'pilot-agent'],
  'pilot-agent, without an Envoy',
  suite,
  whyNoNamespace,
);
