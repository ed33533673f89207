import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { createMesh, type Mesh, meshErrorOf } from 'inmesh';
import { type App, startApp } from '../support/apps.ts';
import { describeWithPeers } from '../support/peers.ts';
import { until } from '../support/until.ts';
import { byHeaderAndPath, plainService, sidecarOf, weights, withoutSidecar } from './istio-config.ts';
import { KubeIstio } from './kube-istio.ts';

/** A Service with its EndpointSlice: nobody makes the slice here but us. */
function service(name: string, ip: string, port: number, endpoint: number): string {
  return `
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: default }
spec: { clusterIP: ${ip}, ports: [{ name: http, port: ${port}, targetPort: ${endpoint} }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ${name}-1, namespace: default, labels: { kubernetes.io/service-name: ${name} } }
addressType: IPv4
ports: [{ name: http, port: ${endpoint}, protocol: TCP }]
endpoints: [{ addresses: [10.244.0.1], conditions: { ready: true } }]
---
`;
}

/**
 * istiod on a real Kubernetes API, over TLS with the mesh's root and the token of a service account: what a pod without an agent
 * has. The feed is that of Services and EndpointSlices.
 */
describeWithPeers(['kube-apiserver', 'etcd', 'kubectl', 'pilot-discovery'], 'istiod on Kubernetes', () => {
  let kube: KubeIstio;
  let mesh: Mesh;
  let app: App;
  let other: App;
  const refusals: string[] = [];
  const warnings: Error[] = [];

  before(async () => {
    app = await startApp('reviews');
    other = await startApp('other');
    kube = await KubeIstio.start();
    kube.istiod.onLine((line) => {
      if (/ACK ERROR/.test(line)) refusals.push(line);
    });
    await kube.kubectl('create', 'serviceaccount', 'web');
    await kube.apply(
      service('reviews', '10.96.0.50', 9080, app.port) + service('ratings', '10.96.0.51', 9081, app.port),
    );
    const files = await kube.podFiles('web');
    mesh = await createMesh({
      env: { POD_NAME: 'web-1', POD_NAMESPACE: 'default', SERVICE_ACCOUNT: 'web', INSTANCE_IP: '10.244.0.9' },
      istio: { address: kube.address, ...files },
      onWarning: (warning) => warnings.push(warning),
    });
  });

  after(async () => {
    await mesh?.drain();
    await kube?.stop();
    await app?.close();
    await other?.close();
  });

  afterEach('all that was sent is accepted', () => {
    assert.deepEqual(refusals, []);
    assert.deepEqual(warnings, []);
    const refused = mesh.feed()?.resources.filter(({ state }) => state === 'NACKED') ?? [];
    assert.deepEqual(refused, []);
  });

  it('gives a pod that proves its account the sidecar’s feed', async () => {
    await mesh.ready({ services: ['http://reviews:9080'] });
    const { flavour, clusters, virtualHost } = await mesh.explain('http://reviews:9080/');
    assert.equal(flavour.name, 'sidecar');
    assert.equal(virtualHost, 'reviews.default.svc.cluster.local:9080');
    assert.equal(clusters[0]?.name, 'outbound|9080||reviews.default.svc.cluster.local');
    assert.deepEqual(
      clusters[0]?.endpoints.map(({ address }) => address),
      [`10.244.0.1:${app.port}`],
    );
  });

  it('sends auto-mTLS, by which hosts without a sidecar are called in the clear', async () => {
    await kube.apply(withoutSidecar('plain', 9084, app.port));
    await until('the service is known', async () => (await mesh.explain('http://plain:9084/')).verdict === 'mesh');
    const { clusters } = await mesh.explain('http://plain:9084/');
    assert.equal(clusters[0]?.error ?? '', '');
    const response = await mesh.fetch('http://plain:9084/');
    assert.equal(meshErrorOf(response)?.message, undefined);
    assert.equal(await response.text(), 'reviews');
  });

  it('is followed: a slice, a new service, a split, and a service that goes', async () => {
    await kube.kubectl(
      ...['patch', 'endpointslice', 'reviews-1', '--type=merge', '-p'],
      JSON.stringify({ endpoints: [{ addresses: ['10.244.0.1'] }, { addresses: ['10.244.0.2'] }] }),
    );
    await until('the second endpoint is known', async () => {
      return (await mesh.explain('http://reviews:9080/')).clusters[0]?.endpoints.length === 2;
    });
    assert.equal((await mesh.explain('http://details:9082/')).verdict, 'pass-through');
    await kube.apply(service('details', '10.96.0.52', 9082, app.port));
    await until('the new service is known', async () => {
      return (await mesh.explain('http://details:9082/')).clusters[0]?.endpoints.length === 1;
    });
    await kube.apply(`
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: reviews, namespace: default }
spec: { host: reviews, subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }] }
---
${weights('reviews', { v1: 25, v2: 75 })}`);
    await until('the split is in force', async () => {
      const { clusters } = await mesh.explain('http://reviews:9080/');
      return clusters.map(({ share }) => share).join() === '0.25,0.75';
    });
    await kube.kubectl('delete', 'service', 'details');
    await until('calls to the service that went pass through', async () => {
      return (await mesh.explain('http://details:9082/')).verdict === 'pass-through';
    });
  });

  it('routes by headers and rewrites paths, as VirtualServices come and change', async () => {
    const shop = 'http://shop:9083/old/cart';
    const call = async (headers: Record<string, string>): Promise<string> => {
      const response = await mesh.fetch(shop, { headers });
      const name = await response.text();
      return `${response.status} ${name} ${(name === 'other' ? other : app).seen.at(-1)?.url}`;
    };
    const endpoints = [
      { version: 'v1', port: app.port },
      { version: 'v2', port: other.port },
    ];
    await kube.apply(plainService('shop', 9083, endpoints) + byHeaderAndPath('shop', 'v2', 'v1'));
    await until('the routes are known', async () => {
      return (await mesh.explain(shop)).route === 'shop.default.svc.cluster.local:9083/moved';
    });
    assert.equal(await call({}), '200 reviews /new/cart');
    assert.equal(await call({ 'x-user': 'jason' }), '200 other /old/cart');
    await kube.apply(byHeaderAndPath('shop', 'v1', 'v2'));
    await until('the routes are turned round', async () => (await call({})) === '200 other /new/cart');
    assert.equal(await call({ 'x-user': 'jason' }), '200 reviews /old/cart');
    await kube.kubectl('delete', 'virtualservice', 'shop');
    await until('the path is not rewritten any more', async () => (await call({})).endsWith(' /old/cart'));
  });

  it('is cut down by a Sidecar resource, and whole again without it', async () => {
    const verdict = async (url: string) => (await mesh.explain(url)).verdict;
    assert.equal(await verdict('http://shop:9083/'), 'mesh');
    const left = () => {
      const clusters =
        mesh.feed()?.resources.filter(({ kind, state }) => kind === 'cluster' && state === 'ACKED') ?? [];
      return clusters.map(({ name }) => name.split('|')[3] ?? '').filter((host) => /^(shop|ratings)\./.test(host));
    };
    assert.notDeepEqual(left(), []);
    await kube.apply(sidecarOf('reviews'));
    await until('shop is none of its hosts', async () => (await verdict('http://shop:9083/')) === 'pass-through');
    assert.equal(await verdict('http://reviews:9080/'), 'mesh');
    assert.deepEqual(left(), []);
    await kube.kubectl('delete', 'sidecar', 'default');
    await until('shop is back', async () => (await verdict('http://shop:9083/')) === 'mesh');
    assert.equal((await mesh.fetch('http://shop:9083/')).status, 200);
  });

  it('is given to nobody without a valid token', async () => {
    const files = await kube.podFiles('web');
    await writeFile(files.tokenFile, 'not-a-token');
    const stranger = await createMesh({
      env: { POD_NAME: 'web-2', POD_NAMESPACE: 'default', SERVICE_ACCOUNT: 'web', INSTANCE_IP: '10.244.0.10' },
      istio: { address: kube.address, ...files },
      onWarning: () => {},
    });
    await assert.rejects(stranger.ready({ within: 1_000 }), /listeners of the control plane/);
    stranger.close();
  });
});
