import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { enumValues, messageType } from '@inmesh/api';
import type {
  RouteLookupRequest_Reason,
  RouteLookupRequest as RouteLookupRequestMessage,
  RouteLookupResponse,
} from '@inmesh/api/gen/grpc/lookup/v1/rls_pb';
import type { LookupAnswer, RouteLookupRequest } from '@inmesh/core';

/** What a lookup service is sent. (grpc.lookup.v1.RouteLookupRequest) */
export function writeRouteLookup({ keys, reason, staleHeaderData }: RouteLookupRequest): Uint8Array {
  const type = messageType<RouteLookupRequestMessage>('grpc.lookup.v1.RouteLookupRequest');
  const reasons = enumValues<typeof RouteLookupRequest_Reason>('grpc.lookup.v1.RouteLookupRequest.Reason');
  const message = { targetType: 'grpc', keyMap: { ...keys }, staleHeaderData };
  return toBinary(type, create(type, { ...message, reason: reason === 'miss' ? reasons.MISS : reasons.STALE }));
}

/** Its answer; null where the bytes are none. (grpc.lookup.v1.RouteLookupResponse) */
export function readRouteLookup(bytes: Uint8Array): LookupAnswer | null {
  try {
    const type = messageType<RouteLookupResponse>('grpc.lookup.v1.RouteLookupResponse');
    const { targets, headerData } = fromBinary(type, bytes);
    return { targets, headerData };
  } catch {
    return null;
  }
}
