import { AnsweringStream } from './answering-stream.ts';
import type { OpenAdsStream, Update } from './stream.ts';
import type { Subscription } from './subscription.ts';
import { decodeResponse, encodeRequest } from './wire.ts';

/** Opens streams of the state-of-the-world variant; `method` is that of ADS, or of the service of one type. */
export function sotwStreams(method: string): OpenAdsStream {
  return (options) => new SotwStream(method, options);
}

export const openSotwStream: OpenAdsStream = sotwStreams(
  '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources',
);

class SotwStream extends AnsweringStream {
  /** By type, the nonce of the last response; a type is here from its first request on this stream. */
  readonly #nonces = new Map<string, string>();
  /** Types of which all is asked for, by naming none from the start (as servers know it of old) or by `*`. */
  readonly #all = new Map<string, 'unnamed' | 'star'>();

  override subscribe(subscription: Subscription): void {
    const { typeUrl } = subscription;
    // A request in between would tell the server the new nonce without a verdict.
    if (!this.mayAsk(typeUrl)) return;
    const first = !this.#nonces.has(typeUrl);
    // No names in the first request for a type would mean all of them.
    if (first && !subscription.wanted) return;
    // All of them is what the server knows to be wanted already: names have nothing to add.
    if (!first && subscription.wildcard && this.#all.get(typeUrl) !== undefined) {
      subscription.sent();
      return;
    }
    this.answer(typeUrl, this.#nonces.get(typeUrl) ?? '', null);
  }

  override accept(update: Update): void {
    const subscription = this.options.subscriptions.get(update.typeUrl);
    if (subscription !== undefined) subscription.version = update.version;
    super.accept(update);
  }

  protected override decode(message: Uint8Array): Update {
    return decodeResponse(message);
  }

  protected override asked(typeUrl: string): boolean {
    return this.#nonces.has(typeUrl);
  }

  protected override received({ typeUrl, nonce }: Update): void {
    this.#nonces.set(typeUrl, nonce);
  }

  /** Every request of this variant is one: names, the version in force, and the nonce of the last response. */
  protected override answer(typeUrl: string, nonce: string, refusal: string | null): void {
    const subscription = this.options.subscriptions.get(typeUrl);
    const version = subscription?.version ?? '';
    const names = subscription === undefined ? [] : this.#names(subscription);
    if (subscription !== undefined) this.#nonces.set(typeUrl, nonce);
    this.send((node) => encodeRequest({ typeUrl, names, version, nonce, node, refusal }));
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
}
