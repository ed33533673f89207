import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { Any, Duration } from '@bufbuild/protobuf/wkt';
import { messageType, typeNameOf } from '@inmesh/api';
import type { Node } from '@inmesh/api/gen/envoy/config/core/v3/base_pb';
import type {
  DeltaDiscoveryRequest,
  DeltaDiscoveryResponse,
  DiscoveryRequest,
  DiscoveryResponse,
  Resource,
  ResourceError,
} from '@inmesh/api/gen/envoy/service/discovery/v3/discovery_pb';
import type { Status } from '@inmesh/api/gen/google/rpc/status_pb';
import { type Split, splitRepeated } from '../wire/repeated.ts';
import type { ServerProblem, Update, UpdatedResource } from './stream.ts';

/** INVALID_ARGUMENT, the code of a NACK. */
const invalidArgument = 3;

const wrapperName = 'envoy.service.discovery.v3.Resource';

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

export interface DeltaRequest {
  readonly typeUrl: string;
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  /** What is in force, name and version: in the first request for a type on a stream. */
  readonly initialVersions: Iterable<readonly [name: string, version: string]>;
  /** Empty in a request that answers nothing. */
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
  addTo(message, request);
  return toBinary(type, message);
}

export function encodeDeltaRequest(request: DeltaRequest): Uint8Array {
  const type = messageType<DeltaDiscoveryRequest>('envoy.service.discovery.v3.DeltaDiscoveryRequest');
  const message = create(type, {
    typeUrl: request.typeUrl,
    resourceNamesSubscribe: [...request.subscribe],
    resourceNamesUnsubscribe: [...request.unsubscribe],
    initialResourceVersions: Object.fromEntries(request.initialVersions),
    responseNonce: request.nonce,
  });
  addTo(message, request);
  return toBinary(type, message);
}

function addTo(
  message: DiscoveryRequest | DeltaDiscoveryRequest,
  { node, refusal }: Pick<SotwRequest, 'node' | 'refusal'>,
): void {
  if (node !== null) message.node = node;
  if (refusal === null) return;
  message.errorDetail = create(messageType<Status>('google.rpc.Status'), { code: invalidArgument, message: refusal });
}

/** Throws for bytes that are no DiscoveryResponse, or one that does not say of which type it is. */
export function decodeResponse(bytes: Uint8Array): Update {
  const type = messageType<DiscoveryResponse>('envoy.service.discovery.v3.DiscoveryResponse');
  const split = splitResponse(bytes);
  const response = fromBinary(type, split.rest, { readUnknownFields: false });
  return new Response(bytes, split.spans, {
    typeUrl: response.typeUrl,
    version: response.versionInfo,
    nonce: response.nonce,
    complete: true,
    removed: [],
    problems: response.resourceErrors.map(problemOf),
    unwrap: (item) => unwrapAny(item, response.versionInfo),
  });
}

/** Throws for bytes that are no DeltaDiscoveryResponse, or one that does not say of which type it is. */
export function decodeDeltaResponse(bytes: Uint8Array): Update {
  const type = messageType<DeltaDiscoveryResponse>('envoy.service.discovery.v3.DeltaDiscoveryResponse');
  const split = splitResponse(bytes);
  const response = fromBinary(type, split.rest, { readUnknownFields: false });
  return new Response(bytes, split.spans, {
    typeUrl: response.typeUrl,
    version: response.systemVersionInfo,
    nonce: response.nonce,
    complete: false,
    removed: [...response.removedResources, ...response.removedResourceNames.map(({ name }) => name)],
    problems: response.resourceErrors.map(problemOf),
    unwrap: (item) => unwrapResource(item, '', ''),
  });
}

/** Both responses have their resources in field 2. */
function splitResponse(bytes: Uint8Array): Split {
  const split = splitRepeated(bytes, 2);
  if (split === null) throw new TypeError('the bytes are no protobuf message');
  return split;
}

type ResponseHead = Omit<Update, 'resources'> & { readonly unwrap: (item: Uint8Array) => UpdatedResource };

class Response implements Update {
  readonly typeUrl: string;
  readonly version: string;
  readonly nonce: string;
  readonly complete: boolean;
  readonly removed: readonly string[];
  readonly problems: readonly ServerProblem[];
  readonly #unwrap: (item: Uint8Array) => UpdatedResource;
  readonly #spans: readonly number[];
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, spans: readonly number[], head: ResponseHead) {
    if (head.typeUrl === '') throw new TypeError('the response has no type_url');
    this.typeUrl = head.typeUrl;
    this.version = head.version;
    this.nonce = head.nonce;
    this.complete = head.complete;
    this.removed = head.removed;
    this.problems = head.problems;
    this.#unwrap = head.unwrap;
    this.#spans = spans;
    this.#bytes = bytes;
  }

  get resources(): Iterable<UpdatedResource> {
    return this.#unwrapAll();
  }

  *#unwrapAll(): Generator<UpdatedResource> {
    for (let index = 0; index < this.#spans.length; index += 2) {
      yield this.#unwrap(this.#bytes.subarray(this.#spans[index], this.#spans[index + 1]));
    }
  }
}

/** The wrapper may stand around any resource of a SotW response: it brings the name, and a heartbeat without content. */
function unwrapAny(item: Uint8Array, version: string): UpdatedResource {
  let any: Any;
  try {
    any = fromBinary(messageType<Any>('google.protobuf.Any'), item);
  } catch (error) {
    return broken('', `the Any cannot be decoded: ${(error as Error).message}`);
  }
  if (typeNameOf(any.typeUrl) === wrapperName) return unwrapResource(any.value, version, any.typeUrl);
  return { ...plain, version, typeUrl: any.typeUrl, bytes: any.value };
}

function unwrapResource(item: Uint8Array, version: string, typeUrl: string): UpdatedResource {
  let wrapper: Resource;
  try {
    wrapper = fromBinary(messageType<Resource>(wrapperName), item, { readUnknownFields: false });
  } catch (error) {
    return broken(typeUrl, `the Resource wrapper cannot be decoded: ${(error as Error).message}`);
  }
  const inner = wrapper.resource;
  return {
    name: wrapper.name || wrapper.resourceName?.name || null,
    aliases: wrapper.aliases,
    version: wrapper.version || version,
    typeUrl: inner?.typeUrl ?? '',
    bytes: inner?.value ?? null,
    ttlMs: wrapper.ttl === undefined ? null : milliseconds(wrapper.ttl),
    problem: null,
  };
}

const plain: UpdatedResource = {
  name: null,
  aliases: [],
  version: '',
  typeUrl: '',
  bytes: null,
  ttlMs: null,
  problem: null,
};

function broken(typeUrl: string, problem: string): UpdatedResource {
  return { ...plain, typeUrl, problem };
}

function problemOf({ resourceName, errorDetail }: ResourceError): ServerProblem {
  return { name: resourceName?.name ?? '', code: errorDetail?.code ?? 2, message: errorDetail?.message ?? '' };
}

function milliseconds({ seconds, nanos }: Duration): number {
  return Number(seconds) * 1_000 + nanos / 1e6;
}
