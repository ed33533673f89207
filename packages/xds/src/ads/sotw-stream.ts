import type { MessageStream, StreamStatus } from '@inmesh/core';
import { nodeMessage } from './node.ts';
import type { AdsStream, AdsStreamOptions, Update } from './stream.ts';
import type { Subscription } from './subscription.ts';
import { decodeResponse, encodeRequest } from './wire.ts';

const path = '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources';

/** gRPC's INTERNAL: what came is not the protocol. */
const internal = 13;

/** Opens a stream of the state-of-the-world variant. */
export function openSotwStream(options: AdsStreamOptions): AdsStream {
  return new SotwStream(options);
}

class SotwStream implements AdsStream {
  readonly #options: AdsStreamOptions;
  readonly #stream: MessageStream;
  /** By type, the nonce of the last response; a type is here from its first request on this stream. */
  readonly #nonces = new Map<string, string>();
  /** Types of which all is asked for, by naming none from the start (as servers know it of old) or by `*`. */
  readonly #all = new Map<string, 'unnamed' | 'star'>();
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
    const { typeUrl } = subscription;
    // The answer carries the names; a request in between would tell the server the new nonce without a verdict.
    if (this.#answering === typeUrl) return;
    const first = !this.#nonces.has(typeUrl);
    // No names in the first request for a type would mean all of them.
    if (first && !subscription.wanted) return;
    // All of them is what the server knows to be wanted already: names have nothing to add.
    if (!first && subscription.wildcard && this.#all.get(typeUrl) !== undefined) {
      subscription.sent();
      return;
    }
    this.#request(typeUrl, this.#nonces.get(typeUrl) ?? '', null);
  }

  accept(update: Update): void {
    const subscription = this.#options.subscriptions.get(update.typeUrl);
    if (subscription !== undefined) subscription.version = update.version;
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
      update = decodeResponse(message);
    } catch (error) {
      this.#stream.close();
      this.#end({ code: internal, message: `undecodable response: ${(error as Error).message}` }, true);
      return;
    }
    const { typeUrl, nonce } = update;
    if (!this.#options.subscriptions.has(typeUrl)) {
      const problem = `unknown resource type "${typeUrl}"`;
      this.#request(typeUrl, nonce, problem);
      this.#options.events.onOddity(problem);
      return;
    }
    if (!this.#nonces.has(typeUrl)) {
      // An ACK would be the first request for this type and, without names, subscribe to all of it.
      this.#options.events.onOddity(`a response of type "${typeUrl}", which was not asked for, is ignored`);
      return;
    }
    this.#nonces.set(typeUrl, nonce);
    this.#answering = typeUrl;
    this.#stream.pause();
    this.#options.events.onUpdate(update);
  }

  #answer(update: Update, refusal: string | null): void {
    if (this.#done) return;
    this.#answering = null;
    this.#request(update.typeUrl, update.nonce, refusal);
    this.#stream.resume();
  }

  #request(typeUrl: string, nonce: string, refusal: string | null): void {
    if (this.#done) return;
    const subscription = this.#options.subscriptions.get(typeUrl);
    const node = this.#nodeSent ? null : nodeMessage(this.#options.node, this.#options.userAgentVersion);
    const version = subscription?.version ?? '';
    const names = subscription === undefined ? [] : this.#names(subscription);
    this.#nodeSent = true;
    if (subscription !== undefined) this.#nonces.set(typeUrl, nonce);
    this.#stream.send(encodeRequest({ typeUrl, names, version, nonce, node, refusal }));
    subscription?.sent();
  }

  #names(subscription: Subscription): Iterable<string> {
    const { typeUrl, names, wildcard } = subscription;
    if (!wildcard) {
      // Whoever named nothing from the start cannot unsubscribe: naming nothing again means all, as before.
      if (names.size > 0) this.#all.delete(typeUrl);
      return names;
    }
    const way = this.#all.get(typeUrl) ?? (this.#nonces.has(typeUrl) ? 'star' : 'unnamed');
    this.#all.set(typeUrl, way);
    return way === 'star' ? ['*'] : [];
  }

  #end(status: StreamStatus, garbage: boolean): void {
    if (this.#done) return;
    this.#done = true;
    this.#options.events.onEnd(status, garbage);
  }
}
