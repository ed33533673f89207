import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { systemClock, systemRandom } from '@inmesh/core';
import { createMesh, type MeshOptions, meshErrorOf } from 'inmesh';
import { istioCa } from 'inmesh/identity';
import { SdsServers } from '../../../packages/inmesh/src/secrets/sds-servers.ts';
import { HeardSecret } from '../support/heard-secret.ts';
import { describeWithPeers } from '../support/peers.ts';
import { until } from '../support/until.ts';
import { secureService } from './istio-config.ts';
import { KubeIstio, type PodFiles } from './kube-istio.ts';
import { PilotAgent, whyNoNamespace } from './pilot-agent.ts';
import { type SecureApp, startSecureApp } from './secure-app.ts';

const WEB = 'spiffe://cluster.local/ns/default/sa/web';
/** A pod of the account `web`. */
const POD = { POD_NAME: 'web-1', POD_NAMESPACE: 'default', SERVICE_ACCOUNT: 'web', INSTANCE_IP: '10.244.0.9' };

/**
 * Each way by which an application gets its identity in an Istio mesh, and a call with it: istiod with its CA on a real Kubernetes API, a real
 * istio-agent, and a service behind mutual TLS whose certificate is from the same CA.
 */
function suite(): void {
  let kube: KubeIstio;
  let agent: PilotAgent;
  let files: PodFiles;
  const apps: SecureApp[] = [];
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => warnings.push(warning);

  /** Servers of secrets that the last mesh asked. */
  let asked: readonly string[] = [];
  const call = async (url: string, options: MeshOptions) => {
    await using mesh = await createMesh({ onWarning, ...options });
    await mesh.ready({ services: [url], within: 15_000 });
    const response = await mesh.fetch(url);
    asked = mesh.secretServers().map(({ stream }) => stream.serverUri);
    return { status: response.status, text: await response.text(), error: meshErrorOf(response) };
  };

  before(async () => {
    kube = await KubeIstio.start();
    for (const account of ['web', 'reviews']) await kube.kubectl('create', 'serviceaccount', account);
    files = await kube.podFiles('web');
    const ofReviews = istioCa({
      address: kube.address,
      ...(await kube.podFiles('reviews')),
      env: { POD_NAMESPACE: 'default', SERVICE_ACCOUNT: 'reviews' },
    });
    const app = await startSecureApp(ofReviews);
    apps.push(app);
    await kube.apply(
      secureService('reviews', 9080, app.port, 'reviews') + secureService('impostor', 9081, app.port, 'somebody-else'),
    );
    agent = await PilotAgent.start(kube.port, files, 'sidecar');
  });

  after(async () => {
    await agent?.stop();
    for (const app of apps) await app.close();
    await kube?.stop();
  });

  afterEach(() => assert.deepEqual(warnings.splice(0), []));

  const ways: readonly (readonly [way: string, options: () => MeshOptions])[] = [
    [
      'from istiod’s CA, by a token, where there is no agent',
      () => ({ env: POD, istio: { address: kube.address, ...files } }),
    ],
    ['from the files of an agent without an Envoy', () => ({ env: { GRPC_XDS_BOOTSTRAP: agent.bootstrap } })],
    [
      'from the socket of an agent beside an Envoy',
      () => ({ env: { GRPC_XDS_BOOTSTRAP: agent.bootstrap }, sdsServers: { 'sds-grpc': agent.secrets } }),
    ],
  ];
  for (const [way, options] of ways) {
    it(`comes ${way}: a STRICT service knows who calls`, async () => {
      const { status, text, error } = await call('http://reviews:9080/', options());
      assert.equal(error?.message, undefined);
      assert.deepEqual([status, text], [200, `URI:${WEB}`]);
      assert.deepEqual(asked, way.includes('socket') ? [agent.secrets] : []);
    });
  }

  it('is not shown to a service that is not who the feed says', async () => {
    const { status, error } = await call('http://impostor:9081/', {
      env: POD,
      istio: { address: kube.address, ...files },
    });
    assert.equal(status, 503);
    assert.match(error?.message ?? '', /reviews|somebody-else/);
  });

  it('is missed by name where the CA gives none', async () => {
    const { status, error } = await call('http://reviews:9080/', {
      env: POD,
      istio: { address: kube.address, ...files },
      identity: istioCa({ address: kube.address, ...files, tokenFile: '/nowhere', env: POD }),
    });
    assert.equal(status, 503);
    assert.match(error?.message ?? '', /secret "(default|ROOTCA)".*\/nowhere/);
  });

  it('is served by the agent’s socket as secrets: its certificate, its root and files by their names, over one stream', async () => {
    const node = { id: 'web-1', cluster: 'web', locality: { region: '', zone: '', subZone: '' }, metadata: {} };
    const servers = new SdsServers({
      bootstrap: { origin: 'test', grpcClusters: {} },
      node,
      targets: { 'sds-grpc': agent.secrets },
      clock: systemClock,
      random: systemRandom,
      onError: onWarning,
    });
    const hear = (name: string) => {
      const source = { kind: 'grpc', clusterName: 'sds-grpc', delta: false } as const;
      return new HeardSecret(servers, { name, source, initialFetchTimeoutMs: 15_000 });
    };
    const leaf = hear('default');
    const root = hear('ROOTCA');
    await leaf.hears(/changed/);
    await root.hears(/changed/);
    assert.equal(new X509Certificate(leaf.pem).subjectAltName, `URI:${WEB}`);
    assert.match(root.pem, /^-----BEGIN CERTIFICATE-----/);
    const file = hear(`file-root:${agent.rootCertFile}`);
    await file.hears(/changed/);
    assert.equal(file.pem.trim(), (await readFile(agent.rootCertFile, 'utf8')).trim());
    assert.equal(servers.status().length, 1);
    await agent.restart();
    const { pem } = leaf;
    await until('the agent that came back has a certificate of its own', () => leaf.pem !== pem);
    servers.close();
  });
}

describeWithPeers(
  ['kube-apiserver', 'etcd', 'kubectl', 'pilot-discovery', 'pilot-agent'],
  'an identity in an Istio mesh',
  suite,
  whyNoNamespace,
);
