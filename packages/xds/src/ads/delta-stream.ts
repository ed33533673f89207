import type { MessageStream, StreamStatus } from '@inmesh/core';
import { nodeMessage } from './node.ts';
import type { AdsStream, AdsStreamOptions, Update } from './stream.ts';
import type { Subscription } from './subscription.ts';
import { decodeDeltaResponse, encodeDeltaRequest } from './wire.ts';

const path = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';

/** gRPC's INTERNAL: what came is not the protocol. */
const internal = 13;

/** Opens a stream of the incremental variant. */
export function openDeltaStream(options: AdsStreamOptions): AdsStream {
  return new DeltaStream(options);
}

class DeltaStream implements AdsStream {
  readonly #options: AdsStreamOptions;
  readonly #stream: MessageStream;
  /** By type, the names that the server knows to be wanted; a type is here from its first request on this stream. */
  readonly #told = new Map<string, Set<string>>();
  /** Type of the update that waits for its answer. */
  #answering: string | null = null;
  #nodeSent = false;
  #done = false;

  constructor(options: AdsStreamOptions) {
    this.#options = options;
    this.#stream = options.transport.open(path, options.metadata, {
      onOpen: () => options.events.onOpen(),
      onMessage: (message) => this.#onMessage(message),
      onEnd: (status) => this.#end(status, false),
    });
  }

  subscribe(subscription: Subscription): void {
    if (this.#answering === subscription.typeUrl) return; // The answer carries the names.
    // Naming nothing in the first request for a type would mean all of it.
    if (!this.#told.has(subscription.typeUrl) && !subscription.wanted) return;
    this.#request(subscription, '', null);
  }

  accept(update: Update): void {
    this.#answer(update, null);
  }

  reject(update: Update, reason: string): void {
    this.#answer(update, reason);
  }

  close(): void {
    if (this.#done) return;
    this.#done = true;
    this.#stream.close();
  }

  #onMessage(message: Uint8Array): void {
    if (this.#done) return;
    let update: Update;
    try {
      update = decodeDeltaResponse(message);
    } catch (error) {
      this.#stream.close();
      this.#end({ code: internal, message: `undecodable response: ${(error as Error).message}` }, true);
      return;
    }
    const { typeUrl, nonce } = update;
    if (!this.#options.subscriptions.has(typeUrl)) {
      const problem = `unknown resource type "${typeUrl}"`;
      this.#send({ typeUrl, subscribe: [], unsubscribe: [], initialVersions: [], nonce, refusal: problem });
      this.#options.events.onOddity(problem);
      return;
    }
    if (!this.#told.has(typeUrl)) {
      // An ACK would be the first request for this type and, without names, subscribe to all of it.
      this.#options.events.onOddity(`a response of type "${typeUrl}", which was not asked for, is ignored`);
      return;
    }
    this.#answering = typeUrl;
    this.#stream.pause();
    this.#options.events.onUpdate(update);
  }

  #answer(update: Update, refusal: string | null): void {
    if (this.#done) return;
    this.#answering = null;
    const subscription = this.#options.subscriptions.get(update.typeUrl);
    if (subscription !== undefined) this.#request(subscription, update.nonce, refusal);
    this.#stream.resume();
  }

  /** Tells what is wanted beyond what the server knows, with an answer or (without a nonce) as a request of its own. */
  #request(subscription: Subscription, nonce: string, refusal: string | null): void {
    if (this.#done) return;
    const { typeUrl, wildcard } = subscription;
    const told = this.#told.get(typeUrl);
    const wanted: ReadonlySet<string> = wildcard ? new Set(['*']) : subscription.names;
    const subscribe = [...wanted].filter((name) => told?.has(name) !== true);
    const unsubscribe = [...(told ?? [])].filter((name) => !wanted.has(name));
    this.#told.set(typeUrl, new Set(wanted));
    if (told === undefined) {
      const initialVersions = [...subscription.held].filter(([name]) => wildcard || wanted.has(name));
      // Naming nothing at first means all to every server; `*` is younger, and some know it only beside names.
      this.#send({ typeUrl, subscribe: wildcard ? [] : subscribe, unsubscribe, initialVersions, nonce, refusal });
    } else if (nonce !== '' || subscribe.length > 0 || unsubscribe.length > 0) {
      this.#send({ typeUrl, subscribe, unsubscribe, initialVersions: [], nonce, refusal });
    }
    subscription.sent();
  }

  #send(request: Omit<Parameters<typeof encodeDeltaRequest>[0], 'node'>): void {
    const node = this.#nodeSent ? null : nodeMessage(this.#options.node, this.#options.userAgentVersion);
    this.#nodeSent = true;
    this.#stream.send(encodeDeltaRequest({ ...request, node }));
  }

  #end(status: StreamStatus, garbage: boolean): void {
    if (this.#done) return;
    this.#done = true;
    this.#options.events.onEnd(status, garbage);
  }
}
