import assert from 'node:assert/strict';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MeshError } from '@inmesh/core';
import { createMesh, type Explanation, type Mesh, meshErrorOf } from 'inmesh';
import type { IdentityProvider } from 'inmesh/identity';
import { type App, startApp } from '../support/apps.ts';
import { binaryOf, describeWithPeers } from '../support/peers.ts';
import { freePorts } from '../support/ports.ts';
import { PeerProcess } from '../support/processes.ts';
import { until } from '../support/until.ts';
import { externalHost, plainService, REGISTRY_ONLY, tcpService, weights } from './istio-config.ts';

const nobody: IdentityProvider = {
  watch: (watcher) => {
    watcher.resourceError(new MeshError('connection_failure', 'nobody knows who this is'));
    return () => {};
  },
};

/**
 * istiod's own generators over a folder of Istio resources, without Kubernetes. A mesh with no agent takes the sidecar's feed, one
 * the feed for gRPC: both are accepted whole, find their way to real services, and follow the folder as it changes.
 */
describeWithPeers(['istio-xds'], 'istiod over files', () => {
  let folder: string;
  let istiod: PeerProcess;
  let address: string;
  let sidecar: Mesh;
  let grpc: Mesh;
  const refusals: string[] = [];
  const apps: App[] = [];

  const split = (v1: number, v2: number) => weights('reviews', { v1, v2 });
  const services = () =>
    plainService(
      'reviews',
      9080,
      apps.slice(0, 2).map(({ port, name }) => ({ version: name, port })),
    ) +
    plainService('ratings', 9081, [{ version: 'v3', port: apps[2]?.port ?? 0 }]) +
    tcpService('mysql', 3306, apps[2]?.port ?? 0) +
    externalHost('api.example');
  /** Put in place at once: istiod must not read half of it. */
  const configure = async (text: string) => {
    await writeFile(join(folder, 'next'), text);
    await rename(join(folder, 'next'), join(folder, 'mesh.yaml'));
  };
  const shares = ({ clusters }: Explanation) =>
    Object.fromEntries(clusters.map(({ name, share }) => [name.split('|')[2] ?? '', share]));

  before(async () => {
    for (const name of ['v1', 'v2', 'v3']) apps.push(await startApp(name));
    folder = await mkdtemp(join(tmpdir(), 'inmesh-istiod-'));
    await configure(services() + split(80, 20));
    const [xds, debug] = await freePorts(2);
    address = `127.0.0.1:${xds}`;
    istiod = new PeerProcess('istiod', binaryOf('istio-xds'), [
      ...['-listen', address],
      ...['-debug', `127.0.0.1:${debug}`],
      ...['-config', folder],
    ]);
    let listening = false;
    istiod.onLine((line) => {
      listening ||= line.includes('istio-xds listening');
      if (/ACK ERROR|rejected/i.test(line)) refusals.push(line);
    });
    await until('istiod listens', () => listening);
    const istio = { address, podName: 'web', namespace: 'default', addresses: ['127.0.0.1'] };
    sidecar = await createMesh({ env: {}, istio: { ...istio, security: 'insecure' }, identity: nobody });
    grpc = await createMesh({ env: {}, flavour: 'grpc', istio: { ...istio, security: 'insecure' } });
  });

  after(async () => {
    await sidecar?.drain();
    await grpc?.drain();
    await istiod?.stop();
    for (const app of apps) await app.close();
    await rm(folder, { recursive: true });
  });

  afterEach('both accept all that they were sent', () => {
    assert.deepEqual(refusals, []);
    for (const mesh of [sidecar, grpc]) {
      const refused = mesh.feed()?.resources.filter(({ state }) => state === 'NACKED') ?? [];
      assert.deepEqual(refused, []);
    }
  });

  it('is ready when its listeners are known', async () => {
    await sidecar.ready({ services: ['http://reviews:9080', 'http://ratings:9081'] });
    const { flavour, clusters } = await sidecar.explain('http://reviews:9080/');
    assert.equal(flavour.name, 'sidecar');
    assert.deepEqual(
      clusters.map(({ name, error, endpoints }) => [name, error, endpoints.map(({ address: at }) => at)]),
      ['v1', 'v2'].map((version, index) => [
        `outbound|9080|${version}|reviews.default.svc.cluster.local`,
        null,
        [`127.0.0.1:${apps[index]?.port}`],
      ]),
    );
  });

  for (const host of ['reviews', 'reviews.default', 'reviews.default.svc', 'reviews.default.svc.cluster.local']) {
    it(`reaches a service as ${host}`, async () => {
      const response = await sidecar.fetch(`http://${host}:9080/`);
      assert.equal(response.status, 200, meshErrorOf(response)?.message);
      assert.match(await response.text(), /^v[12]$/);
    });
  }

  it('takes the poorer feed for gRPC where that is asked for, and says what it lacks', async () => {
    const explained = await grpc.explain('http://reviews:9080/');
    assert.equal(explained.verdict, 'mesh');
    assert.equal(explained.flavour.name, 'grpc');
    assert.match(explained.flavour.lacks.join(), /outlier detection/);
    assert.deepEqual(shares(explained), { v1: 0.8, v2: 0.2 });
    assert.match(await (await grpc.fetch('http://reviews:9080/')).text(), /^v[12]$/);
  });

  it('refuses a TCP service that needs mutual TLS, and calls nobody in the clear', async () => {
    const explained = await sidecar.explain('http://mysql:3306/');
    assert.equal(explained.clusters[0]?.name, 'outbound|3306||mysql.default.svc.cluster.local');
    const before = apps[2]?.seen.length;
    const response = await sidecar.fetch('http://mysql:3306/');
    assert.equal(response.status, 503);
    assert.equal(meshErrorOf(response)?.code, 'connection_failure');
    assert.match(meshErrorOf(response)?.message ?? '', /secret "(default|ROOTCA)".*nobody knows who this is/);
    assert.equal(apps[2]?.seen.length, before);
  });

  it('knows hosts outside the mesh, and lets all others pass', async () => {
    const known = await sidecar.explain('http://api.example/');
    assert.equal(known.clusters[0]?.name, 'outbound|80||api.example');
    assert.equal((await sidecar.explain('http://other.example/')).verdict, 'pass-through');
    assert.equal((await sidecar.explain('http://nobody:9080/')).virtualHost, 'allow_any');
    const passed = await sidecar.fetch(`http://localhost:${apps[0]?.port}/`);
    assert.equal(await passed.text(), 'v1');
  });

  it('asks for the routes and endpoints of what is called, and of nothing else', () => {
    const asked = sidecar.feed()?.resources.filter(({ watched }) => watched) ?? [];
    const routes = asked.filter(({ kind }) => kind === 'routeConfiguration').map(({ name }) => name);
    assert.deepEqual(routes.sort(), ['80', '9080', '9081']);
    assert.ok(!asked.some(({ name }) => name.startsWith('inbound|')));
  });

  it('follows weights as they change, in both flavours', async () => {
    await configure(services() + split(10, 90));
    for (const mesh of [sidecar, grpc]) {
      await until('the new weights are in force', async () => {
        return shares(await mesh.explain('http://reviews:9080/')).v2 === 0.9;
      });
    }
  });

  it('follows a Sidecar resource: what the registry does not know is blocked', async () => {
    await configure(services() + split(10, 90) + REGISTRY_ONLY);
    const blocked = await until('unknown hosts are blocked', async () => {
      const response = await sidecar.fetch('http://nobody:9080/').catch(() => null);
      return response?.status === 502 ? response : null;
    });
    assert.equal((await sidecar.explain('http://nobody:9080/')).virtualHost, 'block_all');
    await blocked.text();
    const black = await sidecar.fetch('http://nobody:7000/');
    assert.equal(black.status, 503);
    assert.equal(meshErrorOf(black)?.flag, 'UH');
    assert.equal((await sidecar.fetch('http://reviews:9080/')).status, 200);
  });

  it('keeps what it knows while istiod is away', async () => {
    await istiod.stop();
    for (const mesh of [sidecar, grpc]) {
      assert.equal((await mesh.fetch('http://reviews:9080/')).status, 200);
    }
  });
});
