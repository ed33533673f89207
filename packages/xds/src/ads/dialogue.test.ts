// A control plane that says what a test tells it to, and a client that asks it: no sockets, no real time, toy resources.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { messageType } from '@inmesh/api';
import type { HeaderValue } from '@inmesh/api/gen/envoy/config/core/v3/base_pb';
import type {
  DiscoveryRequest,
  DiscoveryResponse,
  Resource,
} from '@inmesh/api/gen/envoy/service/discovery/v3/discovery_pb';
import {
  type Kind,
  MeshError,
  type MessageStream,
  type Model,
  type StreamHandlers,
  type StreamTransport,
  type Unwatch,
  VirtualClock,
} from '@inmesh/core';
import { allKinds, kinds } from '../kinds.ts';
import { AdsClient } from './client.ts';
import type { AdsClientOptions } from './client-options.ts';
import {
  type DecodeContext,
  type Decoded,
  nameInFieldOne,
  type ResourceType,
  type ResourceTypes,
} from './resource-type.ts';

/** A toy resource: a name and a content. `bad …` is refused by its decoder, `crash` makes it throw. */
export interface Toy {
  readonly name: string;
  readonly content: string;
}

const toyType = (): ReturnType<typeof messageType<HeaderValue>> =>
  messageType<HeaderValue>('envoy.config.core.v3.HeaderValue');
const requestType = (): ReturnType<typeof messageType<DiscoveryRequest>> =>
  messageType<DiscoveryRequest>('envoy.service.discovery.v3.DiscoveryRequest');
const responseType = (): ReturnType<typeof messageType<DiscoveryResponse>> =>
  messageType<DiscoveryResponse>('envoy.service.discovery.v3.DiscoveryResponse');
const resourceType = (): ReturnType<typeof messageType<Resource>> =>
  messageType<Resource>('envoy.service.discovery.v3.Resource');

const urls: { readonly [K in Kind]: string } = {
  listener: 'type.googleapis.com/test.Listener',
  routeConfiguration: 'type.googleapis.com/test.Routes',
  cluster: 'type.googleapis.com/test.Cluster',
  clusterLoadAssignment: 'type.googleapis.com/test.Endpoints',
  secret: 'type.googleapis.com/test.Secret',
  extensionConfig: 'type.googleapis.com/test.Extension',
  runtime: 'type.googleapis.com/test.Runtime',
};

export function any(kind: Kind, name: string, content: string): Any {
  const value = toBinary(toyType(), create(toyType(), { key: name, value: content }));
  return { $typeName: 'google.protobuf.Any', typeUrl: urls[kind], value };
}

export function wrapped(name: string, inner: Any | null): Any {
  const wrapper = create(resourceType(), { name });
  if (inner !== null) wrapper.resource = inner;
  return {
    $typeName: 'google.protobuf.Any',
    typeUrl: 'type.googleapis.com/envoy.service.discovery.v3.Resource',
    value: toBinary(resourceType(), wrapper),
  };
}

/** A request as a test reads it; what is empty is left out. */
export interface Asked {
  readonly type: string;
  readonly names: readonly string[];
  readonly version?: string;
  readonly nonce?: string;
  readonly refused?: string;
}

export class FakeStream implements MessageStream {
  readonly metadata: Readonly<Record<string, string>>;
  readonly requests: DiscoveryRequest[] = [];
  paused = false;
  /** How often reading was stopped. */
  pauses = 0;
  closed = false;
  readonly #handlers: StreamHandlers;
  #opened: boolean;
  #nonce = 0;
  #read = 0;

  constructor(metadata: Readonly<Record<string, string>>, handlers: StreamHandlers, connected: boolean) {
    this.metadata = metadata;
    this.#handlers = handlers;
    this.#opened = !connected;
  }

  send(message: Uint8Array): void {
    if (!this.#opened) this.open();
    this.requests.push(fromBinary(requestType(), message));
  }
  /** The connection comes up. */
  open(): void {
    this.#opened = true;
    this.#handlers.onOpen?.();
  }
  pause(): void {
    this.paused = true;
    this.pauses++;
  }
  resume(): void {
    this.paused = false;
  }
  close(): void {
    this.closed = true;
  }

  /** What was asked since the last look. */
  asked(): Asked[] {
    const fresh = this.requests.slice(this.#read);
    this.#read = this.requests.length;
    return fresh.map((request) => ({
      type: Object.entries(urls).find(([, url]) => url === request.typeUrl)?.[0] ?? request.typeUrl,
      names: request.resourceNames,
      ...(request.versionInfo === '' ? {} : { version: request.versionInfo }),
      ...(request.responseNonce === '' ? {} : { nonce: request.responseNonce }),
      ...(request.errorDetail === undefined
        ? {}
        : { refused: `${request.errorDetail.code} ${request.errorDetail.message}` }),
    }));
  }

  /** Nonces are n1, n2 … on each stream. */
  respond(kind: Kind | string, version: string, resources: readonly Any[]): void {
    this.#nonce++;
    const typeUrl = kind in urls ? urls[kind as Kind] : kind;
    const message = create(responseType(), {
      typeUrl,
      versionInfo: version,
      nonce: `n${this.#nonce}`,
      resources: [...resources],
    });
    this.#handlers.onMessage(toBinary(responseType(), message));
  }
  respondRaw(bytes: Uint8Array): void {
    this.#handlers.onMessage(bytes);
  }
  end(code = 14, message = 'gone'): void {
    this.#handlers.onEnd({ code, message });
  }
}

export class FakeControlPlane implements StreamTransport {
  /** False: a test says when the connection is up. */
  connected = true;
  readonly streams: FakeStream[] = [];
  readonly paths: string[] = [];

  open(path: string, metadata: Readonly<Record<string, string>>, handlers: StreamHandlers): MessageStream {
    const stream = new FakeStream(metadata, handlers, this.connected);
    this.paths.push(path);
    this.streams.push(stream);
    return stream;
  }
  close(): void {}

  /** The newest stream. */
  get stream(): FakeStream {
    const stream = this.streams.at(-1);
    if (stream === undefined) throw new Error('no stream was opened');
    return stream;
  }
}

export interface Setup {
  readonly server: FakeControlPlane;
  readonly client: AdsClient;
  readonly clock: VirtualClock;
  readonly errors: Error[];
  /** Names in the order in which their resources were decoded. */
  readonly decoded: string[];
  /** Watches, and returns what is heard, as it comes: `changed <content>`, `resource <code>`, `ambient <code>`. */
  watch(kind: Kind, name: string): Heard;
}

/** What one watcher heard. */
export class Heard {
  readonly said: string[] = [];
  readonly failures: MeshError[] = [];
  unwatch: Unwatch = () => {};

  changed(value: unknown): void {
    this.said.push(`changed ${(value as Toy).content}`);
  }
  resourceError(error: MeshError): void {
    this.said.push(`resource ${error.code}`);
    this.failures.push(error);
  }
  ambientError(error: MeshError): void {
    this.said.push(`ambient ${error.code}`);
    this.failures.push(error);
  }
}

export function setup(options: Partial<AdsClientOptions> = {}): Setup {
  const server = new FakeControlPlane();
  const clock = new VirtualClock(1_700_000_000_000);
  const errors: Error[] = [];
  const decoded: string[] = [];
  const client = new AdsClient({
    transport: server,
    serverUri: 'xds.test:18000',
    node: {
      id: 'node-1',
      cluster: 'shop',
      metadata: { NAMESPACE: 'default' },
      locality: { region: 'eu', zone: 'a', subZone: '' },
    },
    userAgentVersion: '1.2.3',
    types: toyTypes(decoded),
    onError: (error) => errors.push(error),
    clock,
    random: () => 0.5,
    ...options,
  });
  const watch = (kind: Kind, name: string): Heard => {
    const heard = new Heard();
    heard.unwatch = client.watch(kind, name, heard);
    return heard;
  };
  return { server, client, clock, errors, decoded, watch };
}

/** Lets a turn of the event loop end, so that requests go out. */
export async function turn(): Promise<void> {
  await Promise.resolve();
}

export function toyTypes(
  decoded: string[],
  onDecode: (name: string, context: DecodeContext) => void = () => {},
): ResourceTypes {
  const toy = <K extends Kind>(kind: K): ResourceType<K> => ({
    ...kinds[kind],
    kind,
    typeUrl: urls[kind],
    nameOf: nameInFieldOne,
    decode(bytes, context): Decoded<Model[K]> {
      const { key, value } = fromBinary(toyType(), bytes);
      decoded.push(key);
      onDecode(key, context);
      if (value.startsWith('bad')) throw new MeshError('invalid_config', `field content: ${value}`);
      if (value === 'crash') throw new RangeError('boom');
      return { name: key, value: { name: key, content: value } as unknown as Model[K] };
    },
  });
  return Object.fromEntries(allKinds.map((kind) => [kind, toy(kind)])) as unknown as ResourceTypes;
}
