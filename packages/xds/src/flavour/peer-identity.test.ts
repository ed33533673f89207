import assert from 'node:assert/strict';
import { fromBinary, toJson } from '@bufbuild/protobuf';
import { StructSchema } from '@bufbuild/protobuf/wkt';
import { peerIdentity } from './peer-identity.ts';

const node = (metadata: Parameters<typeof peerIdentity>[0]['metadata']) => ({
  id: 'sidecar~10.0.0.1~a.shop~shop.svc.cluster.local',
  cluster: '',
  locality: { region: '', zone: '', subZone: '' },
  metadata,
});

describe('the identity that peers are told', () => {
  it('is a part of the node’s metadata, the same bytes in whatever order that is', () => {
    const one = peerIdentity(
      node({ NAMESPACE: 'shop', WORKLOAD_NAME: 'a', LABELS: { b: '1', a: '2' }, PILOT_SAN: ['x'] }),
    );
    const two = peerIdentity(
      node({ PILOT_SAN: ['x'], LABELS: { a: '2', b: '1' }, WORKLOAD_NAME: 'a', NAMESPACE: 'shop' }),
    );
    assert.ok(one);
    assert.deepEqual(one, two);
    assert.equal(one.id, 'sidecar~10.0.0.1~a.shop~shop.svc.cluster.local');
    assert.deepEqual(toJson(StructSchema, fromBinary(StructSchema, Buffer.from(one.metadata, 'base64'))), {
      NAMESPACE: 'shop',
      WORKLOAD_NAME: 'a',
      LABELS: { a: '2', b: '1' },
    });
  });

  it('is none where the node is not of an Istio mesh', () => {
    assert.equal(peerIdentity(node({ service: 'web' })), null);
  });
});
