import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { messageType } from '@inmesh/api';
import type {
  DeltaDiscoveryRequest,
  DeltaDiscoveryResponse,
} from '@inmesh/api/gen/envoy/service/discovery/v3/discovery_pb';
import type { MessageStream, StreamStatus, StreamTransport } from '@inmesh/core';
import { grpcChannel } from '@inmesh/transports/rpc';
import { resourceType } from '../resource-type.ts';

const path = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';

/** What a request may say besides its type. */
export interface Asking {
  readonly subscribe?: readonly string[];
  readonly unsubscribe?: readonly string[];
  readonly initial?: { readonly [name: string]: string };
  readonly nonce?: string;
  readonly refusal?: string;
}

/** An incremental ADS client without any cleverness: a test says each request itself. */
export class RawDeltaClient {
  readonly ended: Promise<StreamStatus>;
  readonly #channel: StreamTransport;
  readonly #stream: MessageStream;
  readonly #arrived: DeltaDiscoveryResponse[] = [];
  readonly #waiting: ((response: DeltaDiscoveryResponse) => void)[] = [];
  #node: string | null;

  constructor(target: string, node: string) {
    this.#node = node;
    this.#channel = grpcChannel({ target, tls: null });
    const ended = Promise.withResolvers<StreamStatus>();
    this.ended = ended.promise;
    this.#stream = this.#channel.open(
      path,
      {},
      { onMessage: (bytes) => this.#onResponse(Buffer.from(bytes)), onEnd: ended.resolve },
    );
  }

  /** `type`: 'listener', 'cluster' …, or a type URL. */
  ask(type: string, { subscribe = [], unsubscribe = [], initial = {}, nonce = '', refusal }: Asking = {}): void {
    const schema = messageType<DeltaDiscoveryRequest>('envoy.service.discovery.v3.DeltaDiscoveryRequest');
    const message = create(schema, {
      typeUrl: (resourceType as Readonly<Record<string, string>>)[type] ?? type,
      resourceNamesSubscribe: [...subscribe],
      resourceNamesUnsubscribe: [...unsubscribe],
      initialResourceVersions: { ...initial },
      responseNonce: nonce,
      ...(this.#node === null ? {} : { node: { id: this.#node } }),
      ...(refusal === undefined ? {} : { errorDetail: { code: 3, message: refusal } }),
    });
    this.#node = null;
    this.#stream.send(toBinary(schema, message));
  }

  ack({ typeUrl, nonce }: DeltaDiscoveryResponse, asking: Asking = {}): void {
    this.ask(typeUrl, { ...asking, nonce });
  }

  sendGarbage(): void {
    this.#stream.send(Buffer.from([0xff, 0xff, 0xff]));
  }

  next(): Promise<DeltaDiscoveryResponse> {
    const arrived = this.#arrived.shift();
    if (arrived !== undefined) return Promise.resolve(arrived);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Whether the server stays silent: asks for a type of its own, whose answer would come after any other. */
  async silent(): Promise<boolean> {
    const type = `type.googleapis.com/test.Probe${Math.random()}`;
    this.ask(type, { subscribe: ['probe'] });
    const response = await this.next();
    if (response.typeUrl === type) return true;
    this.#arrived.unshift(response);
    return false;
  }

  close(): void {
    this.#channel.close();
  }

  #onResponse(bytes: Uint8Array): void {
    const schema = messageType<DeltaDiscoveryResponse>('envoy.service.discovery.v3.DeltaDiscoveryResponse');
    const response = fromBinary(schema, bytes);
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#arrived.push(response);
    else waiting(response);
  }
}

/** `+a +b -c`: what came and what went. */
export function deltaSummary({ resources, removedResources }: DeltaDiscoveryResponse): string {
  return [...resources.map(({ name }) => `+${name}`), ...removedResources.map((name) => `-${name}`)].join(' ');
}
