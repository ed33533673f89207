import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { systemClock, systemRandom } from '@inmesh/core';
import { SdsServers } from '../../../packages/inmesh/src/secrets/sds-servers.ts';
import { HeardSecret } from '../support/heard-secret.ts';
import { describeWithPeers } from '../support/peers.ts';
import { until } from '../support/until.ts';
import { KubeIstio } from './kube-istio.ts';
import { PilotAgent, whyNoNamespace } from './pilot-agent.ts';

/** An istio-agent beside an Envoy serves secrets on a socket; in proxyless mode it serves none, and writes files. */
describeWithPeers(
  ['kube-apiserver', 'etcd', 'kubectl', 'pilot-discovery', 'pilot-agent'],
  'the secrets of an istio-agent',
  () => {
    let kube: KubeIstio;
    let agent: PilotAgent;
    const warnings: Error[] = [];

    before(async () => {
      kube = await KubeIstio.start();
      await kube.kubectl('create', 'serviceaccount', 'web');
      agent = await PilotAgent.start(kube.port, await kube.podFiles('web'), 'sidecar');
    });

    after(async () => {
      await agent?.stop();
      await kube?.stop();
      assert.deepEqual(warnings, []);
    });

    it('are the certificate, the root and files by their names, over one stream', async () => {
      const node = { id: 'web-1', cluster: 'web', locality: { region: '', zone: '', subZone: '' }, metadata: {} };
      const servers = new SdsServers({
        bootstrap: { origin: 'test', grpcClusters: {} },
        node,
        targets: { 'sds-grpc': agent.secrets },
        clock: systemClock,
        random: systemRandom,
        onError: (error) => warnings.push(error),
      });
      const hear = (name: string) => {
        const source = { kind: 'grpc', clusterName: 'sds-grpc', delta: false } as const;
        return new HeardSecret(servers, { name, source, initialFetchTimeoutMs: 15_000 });
      };
      const leaf = hear('default');
      const root = hear('ROOTCA');
      await leaf.hears(/changed/);
      await root.hears(/changed/);
      assert.equal(new X509Certificate(leaf.pem).subjectAltName, 'URI:spiffe://cluster.local/ns/default/sa/web');
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
  },
  whyNoNamespace,
);
