import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { messageType } from '@inmesh/api';
import type { DiscoveryRequest, DiscoveryResponse } from '@inmesh/api/gen/envoy/service/discovery/v3/discovery_pb';
import type { MessageStream, StreamStatus, StreamTransport } from '@inmesh/core';
import { grpcChannel } from '@inmesh/transports/rpc';
import { nameInFieldOne } from '@inmesh/xds';
import { resourceType } from '../resource-type.ts';

/** An ADS client without any cleverness: a test says each request itself. */
export class RawAdsClient {
  readonly #channel: StreamTransport;
  readonly #stream: MessageStream;
  readonly #arrived: DiscoveryResponse[] = [];
  readonly #waiting: ((response: DiscoveryResponse) => void)[] = [];
  readonly ended: Promise<StreamStatus>;
  #node: string | null;

  constructor(target: string, node: string) {
    this.#node = node;
    this.#channel = grpcChannel({ target, tls: null });
    let end!: (status: StreamStatus) => void;
    this.ended = new Promise((resolve) => {
      end = resolve;
    });
    const path = '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources';
    this.#stream = this.#channel.open(
      path,
      {},
      {
        onMessage: (bytes) => this.#onResponse(Buffer.from(bytes)),
        onEnd: end,
      },
    );
  }

  /** Asks for names of a type: 'listener', 'cluster' …, or a type URL. */
  ask(type: string, names: readonly string[] = [], more: { nonce?: string; version?: string } = {}): void {
    this.#send({
      typeUrl: urlOf(type),
      resourceNames: [...names],
      responseNonce: more.nonce ?? '',
      versionInfo: more.version ?? '',
    });
  }

  ack(response: DiscoveryResponse, names: readonly string[] = []): void {
    this.ask(response.typeUrl, names, { nonce: response.nonce, version: response.versionInfo });
  }

  nack(response: DiscoveryResponse, message: string, names: readonly string[] = []): void {
    this.#send({
      typeUrl: response.typeUrl,
      resourceNames: [...names],
      responseNonce: response.nonce,
      errorDetail: { code: 3, message },
    });
  }

  sendGarbage(): void {
    this.#stream.send(Buffer.from([0xff, 0xff, 0xff]));
  }

  next(): Promise<DiscoveryResponse> {
    const arrived = this.#arrived.shift();
    if (arrived !== undefined) return Promise.resolve(arrived);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Whether the server stays silent: asks for a type of its own, whose answer would come after any other. */
  async silent(): Promise<boolean> {
    const type = `type.googleapis.com/test.Probe${Math.random()}`;
    this.ask(type, ['probe']);
    const response = await this.next();
    if (response.typeUrl === type) return true;
    this.#arrived.unshift(response);
    return false;
  }

  close(): void {
    this.#channel.close();
  }

  #send(request: RequestFields): void {
    const node = this.#node === null ? {} : { node: { id: this.#node, cluster: 'test', userAgentName: 'raw' } };
    this.#node = null;
    this.#stream.send(toBinary(requestType(), create(requestType(), { ...request, ...node })));
  }

  #onResponse(bytes: Uint8Array): void {
    const response = fromBinary(messageType<DiscoveryResponse>('envoy.service.discovery.v3.DiscoveryResponse'), bytes);
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#arrived.push(response);
    else waiting(response);
  }
}

/** `CDS 1: a b`: type, counter of the version, and the names. */
export function summary(response: DiscoveryResponse): string {
  const names = response.resources.map(({ value }) => nameInFieldOne(value) ?? '?');
  const kept = response.versionInfo.endsWith('+kept') ? '+kept' : '';
  return `${shortOf(response.typeUrl)} ${response.versionInfo.split('-')[0]}${kept}: ${names.join(' ')}`.trim();
}

interface RequestFields {
  readonly typeUrl: string;
  readonly resourceNames: string[];
  readonly responseNonce: string;
  readonly versionInfo?: string;
  readonly errorDetail?: { readonly code: number; readonly message: string };
}

function requestType() {
  return messageType<DiscoveryRequest>('envoy.service.discovery.v3.DiscoveryRequest');
}

function urlOf(type: string): string {
  return (resourceType as Readonly<Record<string, string>>)[type] ?? type;
}

function shortOf(typeUrl: string): string {
  const entry = Object.entries(resourceType).find(([, url]) => url === typeUrl);
  return entry === undefined ? (typeUrl.split('.').at(-1) ?? '') : `${entry[0].slice(0, 1).toUpperCase()}DS`;
}
