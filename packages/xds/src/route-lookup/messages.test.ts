import assert from 'node:assert/strict';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { messageType } from '@inmesh/api';
import type { RouteLookupRequest, RouteLookupResponse } from '@inmesh/api/gen/grpc/lookup/v1/rls_pb';
import { readRouteLookup, writeRouteLookup } from './messages.ts';

describe('the messages of a route lookup', () => {
  it('say what is asked for, and why', () => {
    const type = messageType<RouteLookupRequest>('grpc.lookup.v1.RouteLookupRequest');
    const sent = (reason: 'miss' | 'stale') =>
      fromBinary(type, writeRouteLookup({ keys: { user: 'ann' }, reason, staleHeaderData: 'd1' }));
    const { targetType, keyMap, staleHeaderData, reason } = sent('stale');
    assert.deepEqual([targetType, { ...keyMap }, staleHeaderData, reason], ['grpc', { user: 'ann' }, 'd1', 2]);
    assert.equal(sent('miss').reason, 1);
  });

  it('bring targets in their order, or nothing where they cannot be read', () => {
    const type = messageType<RouteLookupResponse>('grpc.lookup.v1.RouteLookupResponse');
    const bytes = toBinary(type, create(type, { targets: ['b', 'a'], headerData: 'd1' }));
    assert.deepEqual(readRouteLookup(bytes), { targets: ['b', 'a'], headerData: 'd1' });
    assert.equal(readRouteLookup(new Uint8Array([0xff])), null);
  });
});
