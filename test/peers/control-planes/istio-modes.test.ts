import assert from 'node:assert/strict';
import { createMesh, type Mesh, meshErrorOf } from 'inmesh';
import { type App, startApp } from '../support/apps.ts';
import type { Envoy } from '../support/envoy.ts';
import { describeWithPeers } from '../support/peers.ts';
import { freePorts } from '../support/ports.ts';
import { until } from '../support/until.ts';
import { secureService } from './istio-config.ts';
import { denies, ingressOf, peerAuthentication, startIstioSidecar, withoutOwnFilters } from './istio-sidecar.ts';
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

  before(async () => {
    app = await startApp('reviews');
    kube = await KubeIstio.start({ PILOT_ENABLE_METADATA_EXCHANGE: 'false' });
    for (const account of ['web', 'guest', 'reviews']) await kube.kubectl('create', 'serviceaccount', account);
    [port = 0] = await freePorts(1);
    await kube.apply(withoutOwnFilters('reviews') + ingressOf('reviews', port, app.port));
    await kube.apply(
      secureService('reviews', 9080, port, 'reviews') + secureService('impostor', 9081, port, 'somebody-else'),
    );
    agent = await PilotAgent.start(kube.port, await kube.podFiles('reviews'), 'sidecar');
    sidecar = await startIstioSidecar(agent, 'reviews');
    for (const account of ['web', 'guest']) {
      const env = {
        POD_NAME: `${account}-1`,
        POD_NAMESPACE: 'default',
        SERVICE_ACCOUNT: account,
        INSTANCE_IP: '10.244.0.9',
      };
      const istio = { address: kube.address, ...(await kube.podFiles(account)) };
      meshes.set(account, await createMesh({ env, istio, onWarning: () => {} }));
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
        const forwarded = String(app.seen.at(-1)?.headers['x-forwarded-client-cert']);
        assert.match(forwarded, new RegExp(`^By=${ACCOUNT}/reviews;.*URI=${ACCOUNT}/${account}$`));
      }
    });
  }

  it('a policy that denies an account keeps it out, and nobody else', async () => {
    await kube.apply(denies('reviews', 'web'));
    await until('web is kept out', async () => (await call('web', 'http://reviews:9080/')).status === 403);
    const before = app.seen.length;
    const { body, error } = await call('web', 'http://reviews:9080/');
    assert.deepEqual([body, error, app.seen.length], ['RBAC: access denied', undefined, before]);
    assert.equal((await call('guest', 'http://reviews:9080/')).status, 200);
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

  /** A caller that is not of the mesh: what the app heard of its certificate, or that it was refused. */
  async function inTheClear(): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${port}/`).catch(() => null);
    if (response === null) return 'refused';
    await response.text();
    return `${response.status} ${app.seen.at(-1)?.headers['x-forwarded-client-cert']}`;
  }
}

describeWithPeers(
  ['kube-apiserver', 'etcd', 'kubectl', 'pilot-discovery', 'pilot-agent', 'envoy'],
  'inmesh without an agent calls an Envoy of the same istiod',
  suite,
  whyNoNamespace,
);
