import assert from 'node:assert/strict';
import { createMesh, type Mesh, meshErrorOf } from 'inmesh';
import { istioCa, pemFiles } from 'inmesh/identity';
import { type App, startApp } from '../support/apps.ts';
import type { Envoy } from '../support/envoy.ts';
import { describeWithPeers } from '../support/peers.ts';
import { freePorts } from '../support/ports.ts';
import { TestTrust } from '../support/tls/trust.ts';
import { until } from '../support/until.ts';
import { connectionForEachCall, secureService, withoutSidecar } from './istio-config.ts';
import { authorization, ingressOf, peerAuthentication, startIstioSidecar, withoutOwnFilters } from './istio-sidecar.ts';
import { KubeIstio } from './kube-istio.ts';
import { PilotAgent, whyNoNamespace } from './pilot-agent.ts';

const ACCOUNT = 'spiffe://cluster.local/ns/default/sa';

/**
 * A mesh as Istio makes it: istiod with its CA on a real Kubernetes API, and before `reviews` a real Envoy, which has istiod's feed and the
 * workload's certificate from an istio-agent, as in a pod. The caller is inmesh with no agent: its certificate comes from istiod's CA
 * by the token of its account, its feed from the same istiod. The namespace is PERMISSIVE first, then STRICT.
 */
function suite(): void {
  let kube: KubeIstio;
  let agent: PilotAgent;
  let sidecar: Envoy;
  let app: App;
  let port: number;
  const meshes = new Map<string, Mesh>();
  const warnings: Error[] = [];

  before(async () => {
    app = await startApp('reviews');
    kube = await KubeIstio.start({ PILOT_ENABLE_METADATA_EXCHANGE: 'false' });
    for (const account of ['web', 'guest', 'reviews']) await kube.kubectl('create', 'serviceaccount', account);
    [port = 0] = await freePorts(1);
    await kube.apply(withoutOwnFilters('reviews') + ingressOf('reviews', port, app.port));
    await kube.apply(
      secureService('reviews', 9080, port, 'reviews') +
        secureService('impostor', 9081, port, 'somebody-else') +
        withoutSidecar('plain', 9082, port) +
        secureService('reviews-h2', 9083, port, 'reviews', 'HTTP2') +
        secureService('reviews-anew', 9084, port, 'reviews') +
        connectionForEachCall('reviews-anew'),
    );
    agent = await PilotAgent.start(kube.port, await kube.podFiles('reviews'), 'sidecar');
    sidecar = await startIstioSidecar(agent, 'reviews');
    for (const account of ['web', 'guest']) {
      const istio = { address: kube.address, ...(await kube.podFiles(account)) };
      meshes.set(
        account,
        await createMesh({ env: podOf(account), istio, onWarning: (warning) => warnings.push(warning) }),
      );
    }
    await until('the sidecar has its listener', async () => (await inTheClear()) !== 'refused');
  });
  after(async () => {
    for (const mesh of meshes.values()) mesh.close();
    await sidecar?.stop();
    await agent?.stop();
    await kube?.stop();
    await app?.close();
  });
  afterEach('what was sent is accepted', () => {
    assert.deepEqual(warnings.splice(0), []);
    for (const mesh of meshes.values()) {
      assert.deepEqual(mesh.feed()?.resources.filter(({ state }) => state === 'NACKED') ?? [], []);
    }
  });

  for (const mode of ['PERMISSIVE', 'STRICT'] as const) {
    it(`${mode}: inmesh is let in as who it is, ${mode === 'STRICT' ? 'a call in the clear is not' : 'as is a call in the clear'}`, async () => {
      await kube.apply(peerAuthentication(mode));
      const expected = mode === 'STRICT' ? 'refused' : '200 undefined';
      await until(`${mode} is in force`, async () => (await inTheClear()) === expected);
      for (const account of ['web', 'guest']) {
        assert.deepEqual(await call(account, 'http://reviews:9080/'), {
          status: 200,
          body: 'reviews',
          error: undefined,
        });
        assert.match(forwarded(), new RegExp(`^By=${ACCOUNT}/reviews;.*URI=${ACCOUNT}/${account}$`));
      }
    });

    it(`${mode}: a workload of which nothing says that it has a sidecar is called in the clear, ${mode === 'STRICT' ? 'and refuses' : 'and takes it'}`, async () => {
      await until('the service is known', async () => (await verdictOf('http://plain:9082/')) === 'mesh');
      const before = app.seen.length;
      const { status, error } = await call('web', 'http://plain:9082/');
      if (mode === 'PERMISSIVE') {
        assert.deepEqual([status, error, forwarded()], [200, undefined, 'undefined']);
      } else {
        assert.deepEqual([status, app.seen.length], [503, before], error);
      }
    });
  }

  it('a service of HTTP/2 is called over that, with the same names', async () => {
    await until('the service is known', async () => (await verdictOf('http://reviews-h2:9083/')) === 'mesh');
    const calls = Array.from({ length: 10 }, () => call('web', 'http://reviews-h2:9083/'));
    assert.deepEqual(new Set((await Promise.all(calls)).map(({ status }) => status)), new Set([200]));
    assert.match(forwarded(), new RegExp(`URI=${ACCOUNT}/web$`));
    const counters = meshes.get('web')!.statistics().clusters['outbound|9083||reviews-h2.default.svc.cluster.local'];
    assert.deepEqual([counters?.upstream_cx_total, counters?.upstream_cx_http2_total], [1, 1]);
  });

  it('certificates that end every few seconds are renewed while calls go on', async () => {
    const files = await kube.podFiles('web');
    const istio = { address: kube.address, ...files };
    const onWarning = (warning: Error) => warnings.push(warning);
    const identity = istioCa({ ...istio, env: podOf('web'), ttlSeconds: 4, onWarning });
    await using mesh = await createMesh({ env: podOf('web'), istio, identity, onWarning });
    await mesh.ready({ services: ['http://reviews-anew:9084'] });
    const hashes = new Set<string>();
    const statuses = new Set<number>();
    await until('four certificates were seen', async () => {
      const response = await mesh.fetch('http://reviews-anew:9084/');
      await response.text();
      statuses.add(response.status);
      hashes.add(/Hash=([0-9a-f]+)/.exec(forwarded())?.[1] ?? forwarded());
      return hashes.size >= 4;
    });
    assert.deepEqual([...statuses], [200]);
    assert.equal(warnings.length, 0);
  });

  for (const [action, kept, other] of [
    ['DENY', 'web', 'guest'],
    ['ALLOW', 'guest', 'web'],
  ] as const) {
    it(`a policy: ${action} web keeps ${kept} out, and ${other} not`, async () => {
      await kube.apply(authorization('reviews', action, 'web'));
      await until(`${kept} is kept out`, async () => (await call(kept, 'http://reviews:9080/')).status === 403);
      const before = app.seen.length;
      const { body, error } = await call(kept, 'http://reviews:9080/');
      assert.deepEqual([body, error, app.seen.length], ['RBAC: access denied', undefined, before]);
      assert.equal((await call(other, 'http://reviews:9080/')).status, 200);
    });
  }

  it('a caller whose certificate is not of istiod’s CA is not let in, whatever name it has', async () => {
    using strangers = await TestTrust.create('cluster.local');
    const files = await kube.podFiles('web');
    const { chainFile, keyFile } = await strangers.identity('web');
    const onWarning = (warning: Error) => warnings.push(warning);
    await using mesh = await createMesh({
      env: podOf('web'),
      istio: { address: kube.address, ...files },
      identity: pemFiles({ certFile: chainFile, keyFile, caFile: files.rootCertFile }),
      onWarning,
    });
    await mesh.ready({ services: ['http://reviews:9080'] });
    const before = app.seen.length;
    const response = await mesh.fetch('http://reviews:9080/');
    await response.text();
    assert.deepEqual([response.status, app.seen.length], [503, before]);
    assert.match(meshErrorOf(response)?.message ?? '', /alert|handshake|certificate|connection/);
  });

  it('a workload that is not who the feed says gets no call', async () => {
    const before = app.seen.length;
    const { status, error } = await call('guest', 'http://impostor:9081/');
    assert.equal(status, 503);
    assert.match(error ?? '', /sa\/reviews, where .*sa\/somebody-else is expected/);
    assert.equal(app.seen.length, before);
  });

  async function call(account: string, url: string) {
    const response = await meshes.get(account)!.fetch(url);
    return { status: response.status, body: await response.text(), error: meshErrorOf(response)?.message };
  }

  async function verdictOf(url: string): Promise<string> {
    return (await meshes.get('web')!.explain(url)).verdict;
  }

  /** Whose certificate the sidecar saw in the last call. */
  function forwarded(): string {
    return String(app.seen.at(-1)?.headers['x-forwarded-client-cert']);
  }

  /** A caller that is not of the mesh: what the app heard of its certificate, or that it was refused. */
  async function inTheClear(): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${port}/`).catch(() => null);
    if (response === null) return 'refused';
    await response.text();
    return `${response.status} ${forwarded()}`;
  }
}

function podOf(account: string): Record<string, string> {
  return {
    POD_NAME: `${account}-1`,
    POD_NAMESPACE: 'default',
    SERVICE_ACCOUNT: account,
    INSTANCE_IP: '10.244.0.9',
  };
}

describeWithPeers(
  ['kube-apiserver', 'etcd', 'kubectl', 'pilot-discovery', 'pilot-agent', 'envoy'],
  'inmesh without an agent calls an Envoy of the same istiod',
  suite,
  whyNoNamespace,
);
