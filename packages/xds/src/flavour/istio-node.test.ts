import assert from 'node:assert/strict';
import { type IstioNodeOptions, istioNode } from './istio-node.ts';
import { istioServer } from './istio-server.ts';

describe('the node of a pod without an agent', () => {
  const env = {
    POD_NAME: 'web-1',
    POD_NAMESPACE: 'shop',
    SERVICE_ACCOUNT: 'web',
    INSTANCE_IP: '10.0.0.7',
    ISTIO_META_MESH_ID: 'mesh1',
    ISTIO_METAJSON_MORE: '{"NETWORK":"n1"}',
  };
  const files: Readonly<Record<string, string>> = {
    '/etc/istio/pod/labels': 'app="web"\nquoted="a \\"b\\" \\x41"\nistio-locality="eu.a.2"\n',
  };
  const node = (options: IstioNodeOptions = {}, surroundings: Readonly<Record<string, string>> = env) =>
    istioNode(options, {
      env: surroundings,
      readFile: (path) => {
        const text = files[path];
        if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
        return text;
      },
    });

  it('is read from the environment and the downward files', () => {
    assert.deepEqual(node(), {
      id: 'sidecar~10.0.0.7~web-1.shop~shop.svc.cluster.local',
      cluster: 'web.shop',
      locality: { region: 'eu', zone: 'a', subZone: '2' },
      metadata: {
        MESH_ID: 'mesh1',
        NETWORK: 'n1',
        NAME: 'web-1',
        NAMESPACE: 'shop',
        INSTANCE_IPS: '10.0.0.7',
        LABELS: { app: 'web', quoted: 'a "b" A', 'istio-locality': 'eu.a.2' },
        CLUSTER_ID: 'Kubernetes',
        ISTIO_VERSION: '1.31.0',
        SERVICE_ACCOUNT: 'web',
        WORKLOAD_NAME: 'web',
        DISABLE_HBONE_SEND: 'true',
      },
    });
  });

  it('is what options say, over all that', () => {
    const { id, locality, metadata } = node({
      podName: 'p',
      namespace: 'n',
      addresses: ['fd00::1', '10.0.0.8'],
      domain: 'corp.local',
      locality: 'us/b',
      labels: { app: 'other' },
      metadata: { CLUSTER_ID: 'c2' },
    });
    assert.equal(id, 'sidecar~fd00::1~p.n~n.svc.corp.local');
    assert.deepEqual(locality, { region: 'us', zone: 'b', subZone: '' });
    assert.equal(metadata.INSTANCE_IPS, 'fd00::1,10.0.0.8');
    assert.equal(metadata.CLUSTER_ID, 'c2');
    assert.deepEqual(metadata.LABELS, { app: 'other' });
  });

  it('names what is missing and where it would be read', () => {
    assert.throws(() => node({}, {}), /\[invalid_config\] istio: namespace is not known; set POD_NAMESPACE/);
    assert.throws(() => node({}, { POD_NAMESPACE: 'a', POD_NAME: 'b' }), /the address of the pod .* set INSTANCE_IP/);
    assert.throws(() => node({ addresses: ['web'] }), /"web" is no IP address/);
    assert.throws(() => node({}, { ...env, ISTIO_METAJSON_X: '[1]' }), /ISTIO_METAJSON_X is no JSON object/);
  });

  it('meets istiod with the mesh’s root and the account’s token, or in the clear on 15010', () => {
    const secure = istioServer({}, 'Kubernetes');
    assert.equal(secure.uri, 'istiod.istio-system.svc:15012');
    assert.equal(secure.credentials?.kind, 'tls');
    assert.deepEqual(secure.callCredentials, [
      { type: 'jwt_token_file', config: { jwt_token_file: '/var/run/secrets/tokens/istio-token' } },
    ]);
    const plain = istioServer({ address: 'istiod.istio-system.svc:15010' }, 'c2');
    assert.deepEqual(plain, {
      uri: 'istiod.istio-system.svc:15010',
      initialMetadata: [['clusterid', 'c2']],
      keepalive: { intervalMs: 30_000, timeoutMs: 10_000 },
    });
    assert.deepEqual(secure.keepalive, plain.keepalive);
  });
});
