import assert from 'node:assert/strict';
import { create, toBinary } from '@bufbuild/protobuf';
import { messageType } from '@inmesh/api';
import type { ClusterLoadAssignment } from '@inmesh/api/gen/envoy/config/endpoint/v3/endpoint_pb';
import { resourceTypes } from './resource-types.ts';

describe('bytes that were accepted before', () => {
  const type = messageType<ClusterLoadAssignment>('envoy.config.endpoint.v3.ClusterLoadAssignment');
  // The factor must be above 0.
  const bytes = toBinary(type, create(type, { clusterName: 'a', policy: { overprovisioningFactor: 0 } }));
  const context = { nodeId: 'n', controlPlane: 'c', profile: 'envoy' } as const;

  it('are decoded without the structural rules, at once and in steps', () => {
    const { clusterLoadAssignment } = resourceTypes();
    const steps = (accepted: boolean) => [
      ...(clusterLoadAssignment.decodeInSteps?.(bytes, { ...context, accepted }) ?? []),
    ];
    assert.throws(() => clusterLoadAssignment.decode(bytes, context), /overprovisioning_factor/);
    assert.throws(() => steps(false), /overprovisioning_factor/);
    assert.equal(clusterLoadAssignment.decode(bytes, { ...context, accepted: true }).name, 'a');
    steps(true);
  });
});
