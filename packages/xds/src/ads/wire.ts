import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { messageType, typeNameOf } from '@inmesh/api';
import type { Node } from '@inmesh/api/gen/envoy/config/core/v3/base_pb';
import type {
  DiscoveryRequest,
  DiscoveryResponse,
  Resource,
} from '@inmesh/api/gen/envoy/service/discovery/v3/discovery_pb';
import type { Status } from '@inmesh/api/gen/google/rpc/status_pb';
import type { Update, UpdatedResource } from './stream.ts';

/** INVALID_ARGUMENT, the code of a NACK. */
const invalidArgument = 3;

export interface SotwRequest {
  readonly typeUrl: string;
  readonly names: Iterable<string>;
  readonly version: string;
  readonly nonce: string;
  /** In the first request of a stream only. */
  readonly node: Node | null;
  /** Why the last response was refused; null for none. */
  readonly refusal: string | null;
}

export function encodeRequest(request: SotwRequest): Uint8Array {
  const type = messageType<DiscoveryRequest>('envoy.service.discovery.v3.DiscoveryRequest');
  const message = create(type, {
    typeUrl: request.typeUrl,
    resourceNames: [...request.names],
    versionInfo: request.version,
    responseNonce: request.nonce,
  });
  if (request.node !== null) message.node = request.node;
  if (request.refusal !== null) {
    message.errorDetail = create(messageType<Status>('google.rpc.Status'), {
      code: invalidArgument,
      message: request.refusal,
    });
  }
  return toBinary(type, message);
}

/** Throws for bytes that are no DiscoveryResponse, or one that does not say of which type it is. */
export function decodeResponse(bytes: Uint8Array): Update {
  const type = messageType<DiscoveryResponse>('envoy.service.discovery.v3.DiscoveryResponse');
  const response = fromBinary(type, bytes, { readUnknownFields: false });
  if (response.typeUrl === '') throw new TypeError('the response has no type_url');
  return {
    typeUrl: response.typeUrl,
    version: response.versionInfo,
    nonce: response.nonce,
    complete: true,
    removed: [],
    resources: unwrapAll(response.resources, response.versionInfo),
  };
}

function* unwrapAll(resources: readonly Any[], version: string): Generator<UpdatedResource> {
  for (const any of resources) yield unwrap(any, version);
}

/** The wrapper may stand around any resource of a SotW response: it brings the name, and a heartbeat without content. */
function unwrap(any: Any, version: string): UpdatedResource {
  if (typeNameOf(any.typeUrl) !== 'envoy.service.discovery.v3.Resource') {
    return { name: null, version, typeUrl: any.typeUrl, bytes: any.value, problem: null };
  }
  let wrapper: Resource;
  try {
    wrapper = fromBinary(messageType<Resource>('envoy.service.discovery.v3.Resource'), any.value);
  } catch (error) {
    const problem = `the Resource wrapper cannot be decoded: ${(error as Error).message}`;
    return { name: null, version, typeUrl: any.typeUrl, bytes: null, problem };
  }
  const inner = wrapper.resource;
  return {
    name: wrapper.name || null,
    version: wrapper.version || version,
    typeUrl: inner?.typeUrl ?? '',
    bytes: inner?.value ?? null,
    problem: null,
  };
}
