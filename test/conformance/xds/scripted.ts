// A control plane that says what a test tells it to, in either variant of the protocol, and a client that asks it with the real
// resource types. No sockets and no real time.
import { create, fromBinary, type JsonValue, toBinary } from '@bufbuild/protobuf';
import { type Any, AnySchema } from '@bufbuild/protobuf/wkt';
import { fromJson, messageType, typeUrlOf } from '@inmesh/api';
import type { Node } from '@inmesh/api/gen/envoy/config/core/v3/base_pb';
import type {
  DeltaDiscoveryRequest,
  DeltaDiscoveryResponse,
  DiscoveryRequest,
  DiscoveryResponse,
  Resource,
} from '@inmesh/api/gen/envoy/service/discovery/v3/discovery_pb';
import type { ResourceInput } from '@inmesh/control-plane';
import {
  type Kind,
  type MeshError,
  type MessageStream,
  type StreamHandlers,
  type StreamTransport,
  type Unwatch,
  VirtualClock,
} from '@inmesh/core';
import {
  AdsClient,
  type AdsClientOptions,
  type AdsVariant,
  allKinds,
  kinds,
  nameInFieldOne,
  resourceTypes,
} from '@inmesh/xds';

export const typeUrls = Object.fromEntries(allKinds.map((kind) => [kind, typeUrlOf(kinds[kind].typeName)])) as {
  readonly [K in Kind]: string;
};

const sotwRequest = () => messageType<DiscoveryRequest>('envoy.service.discovery.v3.DiscoveryRequest');
const sotwResponse = () => messageType<DiscoveryResponse>('envoy.service.discovery.v3.DiscoveryResponse');
const deltaRequest = () => messageType<DeltaDiscoveryRequest>('envoy.service.discovery.v3.DeltaDiscoveryRequest');
const deltaResponse = () => messageType<DeltaDiscoveryResponse>('envoy.service.discovery.v3.DeltaDiscoveryResponse');
const wrapper = () => messageType<Resource>('envoy.service.discovery.v3.Resource');

/** A request as a test reads it, alike for both variants; what is empty is left out. */
export interface Asked {
  readonly type: Kind | string;
  /** The names that the server knows to be wanted after this request. */
  readonly wanted: readonly string[];
  /** State of the world only. */
  readonly version?: string;
  readonly nonce?: string;
  readonly refused?: string;
  /** Delta only: `initial_resource_versions`. */
  readonly held?: { readonly [name: string]: string };
}

/** How a resource is sent, beside its content. */
export interface Sending {
  readonly name?: string;
  readonly aliases?: readonly string[];
  readonly ttlMs?: number;
  /** Per resource; default: the response's. Delta only. */
  readonly version?: string;
}

export interface Sent extends Sending {
  /** Null for a heartbeat. */
  readonly any: Any | null;
}

export interface MoreOfResponse {
  /** Delta only. */
  readonly removed?: readonly string[];
  /** Errors for single resources: name, status code, message. */
  readonly problems?: readonly (readonly [name: string, code: number, message: string])[];
}

export function packed(input: ResourceInput): Any {
  return fromJson(AnySchema, input as unknown as JsonValue);
}

export class ScriptedStream implements MessageStream {
  readonly variant: AdsVariant;
  readonly metadata: Readonly<Record<string, string>>;
  readonly nodes: (Node | undefined)[] = [];
  paused = false;
  closed = false;
  readonly #handlers: StreamHandlers;
  readonly #asked: Asked[] = [];
  readonly #wanted = new Map<string, Set<string>>();
  #nonce = 0;
  #opened: boolean;

  constructor(path: string, metadata: Readonly<Record<string, string>>, handlers: StreamHandlers, connected: boolean) {
    this.variant = path.endsWith('DeltaAggregatedResources') ? 'delta' : 'sotw';
    this.metadata = metadata;
    this.#handlers = handlers;
    this.#opened = !connected;
  }

  send(message: Uint8Array): void {
    if (!this.#opened) this.open();
    if (this.variant === 'sotw') this.#sotw(fromBinary(sotwRequest(), message));
    else this.#delta(fromBinary(deltaRequest(), message));
  }
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }
  close(): void {
    this.closed = true;
  }

  /** The connection comes up. */
  open(): void {
    this.#opened = true;
    this.#handlers.onOpen?.();
  }

  /** What was asked since the last look. */
  asked(): Asked[] {
    return this.#asked.splice(0);
  }

  /** Nonces are n1, n2 … on each stream. In the state of the world a resource with something beside its content is wrapped. */
  respond(
    kind: Kind | string,
    version: string,
    resources: readonly (ResourceInput | Sent)[],
    more: MoreOfResponse = {},
  ): void {
    this.#nonce++;
    const sent = resources.map(
      (each): Sent => ('any' in each ? (each as Sent) : { any: packed(each as ResourceInput) }),
    );
    const head = {
      typeUrl: kind in typeUrls ? typeUrls[kind as Kind] : kind,
      nonce: `n${this.#nonce}`,
      resourceErrors: (more.problems ?? []).map(([name, code, message]) => ({
        resourceName: { name },
        errorDetail: { code, message },
      })),
    };
    if (this.variant === 'sotw') {
      const all = sent.map((each) => (Object.keys(each).length > 1 ? wrapped(each, '') : (each.any as Any)));
      this.respondRaw(
        toBinary(sotwResponse(), create(sotwResponse(), { ...head, versionInfo: version, resources: all })),
      );
    } else {
      const all = sent.map((each) => wrapperOf(each, version));
      const removedResources = [...(more.removed ?? [])];
      this.respondRaw(
        toBinary(
          deltaResponse(),
          create(deltaResponse(), { ...head, systemVersionInfo: version, resources: all, removedResources }),
        ),
      );
    }
  }
  respondRaw(bytes: Uint8Array): void {
    this.#handlers.onMessage(bytes);
  }
  end(code = 14, message = 'gone'): void {
    this.#handlers.onEnd({ code, message });
  }

  #sotw({ typeUrl, resourceNames, versionInfo, responseNonce, errorDetail, node }: DiscoveryRequest): void {
    this.nodes.push(node);
    this.#asked.push({
      type: kindOf(typeUrl),
      wanted: resourceNames,
      ...(versionInfo === '' ? {} : { version: versionInfo }),
      ...(responseNonce === '' ? {} : { nonce: responseNonce }),
      ...(errorDetail === undefined ? {} : { refused: errorDetail.message }),
    });
  }

  #delta(request: DeltaDiscoveryRequest): void {
    const { typeUrl, responseNonce, errorDetail, node, initialResourceVersions: held } = request;
    this.nodes.push(node);
    const wanted = this.#wanted.get(typeUrl) ?? new Set();
    this.#wanted.set(typeUrl, wanted);
    for (const name of request.resourceNamesSubscribe) wanted.add(name);
    for (const name of request.resourceNamesUnsubscribe) wanted.delete(name);
    this.#asked.push({
      type: kindOf(typeUrl),
      wanted: [...wanted],
      ...(responseNonce === '' ? {} : { nonce: responseNonce }),
      ...(errorDetail === undefined ? {} : { refused: errorDetail.message }),
      ...(Object.keys(held).length === 0 ? {} : { held }),
    });
  }
}

function kindOf(typeUrl: string): string {
  return Object.entries(typeUrls).find(([, url]) => url === typeUrl)?.[0] ?? typeUrl;
}

function wrapperOf({ any, name, aliases, ttlMs, version }: Sent, defaultVersion: string): Resource {
  const message = create(wrapper(), {
    name: name ?? (any === null ? '' : (nameInFieldOne(any.value) ?? '')),
    version: version ?? defaultVersion,
    aliases: [...(aliases ?? [])],
  });
  if (any !== null) message.resource = any;
  if (ttlMs !== undefined) {
    message.ttl = {
      $typeName: 'google.protobuf.Duration',
      seconds: BigInt(Math.floor(ttlMs / 1_000)),
      nanos: (ttlMs % 1_000) * 1e6,
    };
  }
  return message;
}

function wrapped(sent: Sent, version: string): Any {
  const value = toBinary(wrapper(), wrapperOf(sent, version));
  return { $typeName: 'google.protobuf.Any', typeUrl: typeUrlOf('envoy.service.discovery.v3.Resource'), value };
}

export class ScriptedServer implements StreamTransport {
  readonly streams: ScriptedStream[] = [];
  /** False: a test says when the connection is up. */
  connected = true;

  open(path: string, metadata: Readonly<Record<string, string>>, handlers: StreamHandlers): MessageStream {
    const stream = new ScriptedStream(path, metadata, handlers, this.connected);
    this.streams.push(stream);
    return stream;
  }
  close(): void {}

  /** The newest stream. */
  get stream(): ScriptedStream {
    const stream = this.streams.at(-1);
    if (stream === undefined) throw new Error('no stream was opened');
    return stream;
  }
}

/** What one watcher heard, and by which number of the test's own each content goes. */
export class Heard {
  /** `changed`, `resource <code>`, `ambient <code>`. */
  readonly said: string[] = [];
  readonly values: unknown[] = [];
  readonly failures: MeshError[] = [];
  unwatch: Unwatch = () => {};

  changed(value: unknown): void {
    this.said.push('changed');
    this.values.push(value);
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

export interface Scene {
  readonly server: ScriptedServer;
  readonly client: AdsClient;
  readonly clock: VirtualClock;
  readonly errors: Error[];
  watch(kind: Kind, name: string): Heard;
}

export function scene(options: Partial<AdsClientOptions> = {}): Scene {
  const server = new ScriptedServer();
  const clock = new VirtualClock(1_700_000_000_000);
  const errors: Error[] = [];
  const client = new AdsClient({
    transport: server,
    serverUri: 'xds.test:18000',
    node: { id: 'node-1', cluster: 'shop', metadata: {}, locality: { region: '', zone: '', subZone: '' } },
    userAgentVersion: '1.2.3',
    types: resourceTypes(),
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
  return { server, client, clock, errors, watch };
}

/** Lets a turn of the event loop end, so that requests go out. */
export async function turn(): Promise<void> {
  await Promise.resolve();
}
