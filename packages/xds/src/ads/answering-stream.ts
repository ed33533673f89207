import type { Node } from '@inmesh/api/gen/envoy/config/core/v3/base_pb';
import type { MessageStream, StreamStatus } from '@inmesh/core';
import { nodeMessage } from './node.ts';
import type { AdsStream, AdsStreamOptions, Update } from './stream.ts';
import type { Subscription } from './subscription.ts';

/** gRPC's INTERNAL: what came is not the protocol. */
const internal = 13;

/**
 * What both variants of the protocol have in common: one response is read, answered, and then the next is read; the node goes
 * with the first request only; what is not the protocol ends the stream.
 */
export abstract class AnsweringStream implements AdsStream {
  protected readonly options: AdsStreamOptions;
  readonly #stream: MessageStream;
  /** Type of the update that waits for its answer. */
  #answering: string | null = null;
  #nodeSent = false;
  #done = false;

  constructor(path: string, options: AdsStreamOptions) {
    this.options = options;
    this.#stream = options.transport.open(path, options.metadata, {
      onOpen: () => options.events.onOpen(),
      onMessage: (message) => this.#onMessage(message),
      onEnd: (status) => this.#end(status, false),
    });
  }

  abstract subscribe(subscription: Subscription): void;

  /** Reads a response; throws where it is none. */
  protected abstract decode(message: Uint8Array): Update;

  /** True once this type was asked for on this stream. */
  protected abstract asked(typeUrl: string): boolean;

  /** Answers a response; `refusal` null accepts it. */
  protected abstract answer(typeUrl: string, nonce: string, refusal: string | null): void;

  /** A response that is to be answered came. */
  protected received(_update: Update): void {}

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

  /** False while an update of this type waits: its answer carries what a request in between would say. */
  protected mayAsk(typeUrl: string): boolean {
    return !this.#done && this.#answering !== typeUrl;
  }

  /** Sends a request, made with the node where it is the first. */
  protected send(encode: (node: Node | null) => Uint8Array): void {
    if (this.#done) return;
    const node = this.#nodeSent ? null : nodeMessage(this.options.node, this.options.userAgentVersion);
    this.#nodeSent = true;
    this.#stream.send(encode(node));
  }

  #onMessage(message: Uint8Array): void {
    if (this.#done) return;
    let update: Update;
    try {
      update = this.decode(message);
    } catch (error) {
      this.#stream.close();
      this.#end({ code: internal, message: `undecodable response: ${(error as Error).message}` }, true);
      return;
    }
    const { typeUrl, nonce } = update;
    const { events, subscriptions } = this.options;
    if (!subscriptions.has(typeUrl)) {
      const problem = `unknown resource type "${typeUrl}"`;
      this.answer(typeUrl, nonce, problem);
      events.onOddity(problem);
      return;
    }
    if (!this.asked(typeUrl)) {
      // An ACK would be the first request for this type and, without names, subscribe to all of it.
      events.onOddity(`a response of type "${typeUrl}", which was not asked for, is ignored`);
      return;
    }
    this.received(update);
    this.#answering = typeUrl;
    this.#stream.pause();
    events.onUpdate(update);
  }

  #answer({ typeUrl, nonce }: Update, refusal: string | null): void {
    if (this.#done) return;
    this.#answering = null;
    this.answer(typeUrl, nonce, refusal);
    this.#stream.resume();
  }

  #end(status: StreamStatus, garbage: boolean): void {
    if (this.#done) return;
    this.#done = true;
    this.options.events.onEnd(status, garbage);
  }
}
