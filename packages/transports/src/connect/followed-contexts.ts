import { type ClusterConfig, socketsOf, type TransportEvents, tlsOf, type UpstreamTlsContext } from '@inmesh/core';
import type { FollowedTls, FollowedTlsEvents } from '@inmesh/mtls';

/** Follows the secrets of a TLS context; `TlsContexts` of @inmesh/mtls is one. */
export interface TlsSource {
  follow(context: UpstreamTlsContext, place: { readonly cluster: string }, events: FollowedTlsEvents): FollowedTls;
}

/** The TLS contexts of one cluster, each followed while the configuration in force names it. */
export class FollowedContexts {
  readonly #source: TlsSource;
  readonly #events: TransportEvents;
  /** Those of the configuration in force, and of the one before while the new one waits for its secrets: calls go by that one meanwhile. */
  readonly #followed = new Map<UpstreamTlsContext, FollowedTls>();
  #named: ReadonlySet<UpstreamTlsContext> = new Set();
  #settled = false;
  /** True while contexts change: what they tell meanwhile is seen at the end. */
  #changing = false;

  constructor(source: TlsSource, events: TransportEvents) {
    this.#source = source;
    this.#events = events;
  }

  /** True once all secrets of the configuration have come, or are known not to come. */
  get settled(): boolean {
    return this.#settled;
  }

  configure({ name, transport }: ClusterConfig): void {
    this.#changing = true;
    this.#named = new Set(socketsOf(transport).flatMap((socket) => tlsOf(socket) ?? []));
    for (const context of this.#named) {
      if (this.#followed.has(context)) continue;
      const events = { onSettled: () => this.#look(), onRotated: () => this.#rotated(context) };
      this.#followed.set(context, this.#source.follow(context, { cluster: name }, events));
    }
    this.#changing = false;
    this.#settled = this.#all();
    if (this.#settled) this.#forget();
  }

  /** Null for a context of a configuration that is no longer in force. */
  get(context: UpstreamTlsContext): FollowedTls | null {
    return this.#followed.get(context) ?? null;
  }

  release(): void {
    this.#named = new Set();
    this.#forget();
  }

  #all(): boolean {
    for (const context of this.#named) if (this.#followed.get(context)?.settled === false) return false;
    return true;
  }

  #look(): void {
    if (this.#changing || this.#settled || !this.#all()) return;
    this.#settled = true;
    this.#events.onSettled();
    this.#forget();
  }

  #rotated(context: UpstreamTlsContext): void {
    if (this.#followed.has(context)) this.#events.onRotated();
  }

  /** Lets go of what is not named: after the new configuration is in force, so that secrets that both name are kept all along. */
  #forget(): void {
    for (const [context, tls] of this.#followed) {
      if (this.#named.has(context)) continue;
      this.#followed.delete(context);
      tls.release();
    }
  }
}
