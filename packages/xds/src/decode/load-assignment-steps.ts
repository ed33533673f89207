import { fromBinary } from '@bufbuild/protobuf';
import { messageType } from '@inmesh/api';
import type { LbEndpoint, LocalityLbEndpoints } from '@inmesh/api/gen/envoy/config/endpoint/v3/endpoint_components_pb';
import type { ClusterLoadAssignment as ProtoAssignment } from '@inmesh/api/gen/envoy/config/endpoint/v3/endpoint_pb';
import type { ClusterLoadAssignment, EndpointConfig, LocalityEndpoints } from '@inmesh/core';
import { splitRepeated } from '../wire/repeated.ts';
import { type Decoding, requireValid } from './decoding.ts';
import { EndpointRules } from './grpc/index.ts';
import { decodeLoadAssignment, readAssignment, readEndpoint, readLocality } from './load-assignment.ts';

const assignmentName = 'envoy.config.endpoint.v3.ClusterLoadAssignment';
const localityName = 'envoy.config.endpoint.v3.LocalityLbEndpoints';
const endpointName = 'envoy.config.endpoint.v3.LbEndpoint';

/** `ClusterLoadAssignment.endpoints` and `LocalityLbEndpoints.lb_endpoints`. */
const repeatedField = 2;

/** Endpoints between two pauses: some tenths of a millisecond on code that never ran before. */
const endpointsPerStep = 16;

/** Below this many bytes a whole decode takes well under a millisecond, and steps would only cost. */
const smallBytes = 4_096;

/** protobuf-es's own limit, less the messages around. */
const recursionLimit = 98;

/**
 * An EDS resource, endpoint by endpoint: decoding a large one whole would hold up the event loop for a tenth of a second.
 *
 * Gives what `decodeLoadAssignment` gives. Whatever is wrong is left to that one to find and to word, so that there is one
 * set of reasons; a refusal of a large resource therefore costs one whole decode more.
 */
export function* decodeLoadAssignmentInSteps(
  decoding: Decoding,
  bytes: Uint8Array,
): Generator<undefined, ClusterLoadAssignment, undefined> {
  if (bytes.length > smallBytes) {
    try {
      const assignment = yield* inSteps(decoding, bytes);
      if (assignment !== null) return assignment;
    } catch {
      // Found again, in order and with its place, by the decoder of the whole.
    }
  }
  return decodeLoadAssignment(decoding, fromBinary(messageType<ProtoAssignment>(assignmentName), bytes));
}

/** Null or an exception: it has faults. */
function* inSteps(
  decoding: Decoding,
  bytes: Uint8Array,
): Generator<undefined, ClusterLoadAssignment | null, undefined> {
  const split = splitRepeated(bytes, repeatedField);
  if (split === null) return null;
  const frameType = messageType<ProtoAssignment>(assignmentName);
  const frame = fromBinary(frameType, split.rest);
  requireValid(decoding, frameType, frame);
  const rules = decoding.profile === 'grpc' ? new EndpointRules() : null;
  rules?.frame(frame);
  yield;
  const localities: LocalityEndpoints[] = [];
  for (let index = 0; index < split.spans.length; index += 2) {
    const item = bytes.subarray(split.spans[index], split.spans[index + 1]);
    const locality = yield* localityInSteps(decoding, item, rules);
    if (locality === null) return null;
    localities.push(locality);
    yield;
  }
  rules?.end();
  return { ...readAssignment(frame, '', 'ip'), localities };
}

function* localityInSteps(
  decoding: Decoding,
  bytes: Uint8Array,
  rules: EndpointRules | null,
): Generator<undefined, LocalityEndpoints | null, undefined> {
  const split = splitRepeated(bytes, repeatedField);
  if (split === null) return null;
  const frameType = messageType<LocalityLbEndpoints>(localityName);
  const frame = fromBinary(frameType, split.rest, { recursionLimit });
  requireValid(decoding, frameType, frame);
  rules?.locality(frame, '');
  yield;
  const endpointType = messageType<LbEndpoint>(endpointName);
  const endpoints: EndpointConfig[] = [];
  for (let index = 0; index < split.spans.length; index += 2) {
    const item = bytes.subarray(split.spans[index], split.spans[index + 1]);
    const message = fromBinary(endpointType, item, { recursionLimit });
    requireValid(decoding, endpointType, message);
    rules?.endpoint(message, '');
    const endpoint = readEndpoint(message, '', 'ip');
    if (endpoint !== null) endpoints.push(endpoint);
    if (index % (2 * endpointsPerStep) === 0) yield;
  }
  return { ...readLocality(frame, '', 'ip'), endpoints };
}
