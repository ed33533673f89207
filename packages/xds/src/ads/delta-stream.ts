import { AnsweringStream } from './answering-stream.ts';
import type { OpenAdsStream, Update } from './stream.ts';
import type { Subscription } from './subscription.ts';
import { decodeDeltaResponse, encodeDeltaRequest } from './wire.ts';

/** Opens streams of the incremental variant; `method` as of `sotwStreams`. */
export function deltaStreams(method: string): OpenAdsStream {
  return (options) => new DeltaStream(method, options);
}

export const openDeltaStream: OpenAdsStream = deltaStreams(
  '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
);

class DeltaStream extends AnsweringStream {
  /** By type, the names that the server knows to be wanted; a type is here from its first request on this stream. */
  readonly #told = new Map<string, Set<string>>();

  override subscribe(subscription: Subscription): void {
    if (!this.mayAsk(subscription.typeUrl)) return;
    // Naming nothing in the first request for a type would mean all of it.
    if (!this.#told.has(subscription.typeUrl) && !subscription.wanted) return;
    this.#request(subscription, '', null);
  }

  protected override decode(message: Uint8Array): Update {
    return decodeDeltaResponse(message);
  }

  protected override asked(typeUrl: string): boolean {
    return this.#told.has(typeUrl);
  }

  protected override answer(typeUrl: string, nonce: string, refusal: string | null): void {
    const subscription = this.options.subscriptions.get(typeUrl);
    if (subscription !== undefined) this.#request(subscription, nonce, refusal);
    else {
      const none = { subscribe: [], unsubscribe: [], initialVersions: [] };
      this.send((node) => encodeDeltaRequest({ typeUrl, ...none, nonce, refusal, node }));
    }
  }

  /** Tells what is wanted beyond what the server knows, with an answer or (without a nonce) as a request of its own. */
  #request(subscription: Subscription, nonce: string, refusal: string | null): void {
    const { typeUrl, wildcard } = subscription;
    const told = this.#told.get(typeUrl);
    const wanted: ReadonlySet<string> = wildcard ? new Set(['*']) : subscription.names;
    const subscribe = [...wanted].filter((name) => told?.has(name) !== true);
    const unsubscribe = [...(told ?? [])].filter((name) => !wanted.has(name));
    this.#told.set(typeUrl, new Set(wanted));
    const request = { typeUrl, unsubscribe, nonce, refusal };
    if (told === undefined) {
      const initialVersions = [...subscription.held].filter(([name]) => wildcard || wanted.has(name));
      // Naming nothing at first means all to every server; `*` is younger, and some know it only beside names.
      const named = wildcard ? [] : subscribe;
      this.send((node) => encodeDeltaRequest({ ...request, subscribe: named, initialVersions, node }));
    } else if (nonce !== '' || subscribe.length > 0 || unsubscribe.length > 0) {
      this.send((node) => encodeDeltaRequest({ ...request, subscribe, initialVersions: [], node }));
    }
    subscription.sent();
  }
}
