import type { Clock, MeshError, SdsSecretRef, Secret, Timer, Unwatch, Watcher } from '@inmesh/core';
import type { Identity, IdentityProvider } from '../identity.ts';

/** Hears of one secret. */
export interface SecretWatcher extends Watcher<Secret> {
  /** It must not be used any more: whoever issues identities has taken ours back. Servers of secrets have no word for that. */
  revoked?(error: MeshError): void;
}

/** Asks for a secret wherever the reference says: a static one of the bootstrap, ADS, an SDS server. */
export type WatchSecret = (ref: SdsSecretRef, watcher: SecretWatcher) => Unwatch;

/** What is known of a source of certificates or rules. */
export type Followed<T> =
  | { readonly state: 'waiting' }
  | { readonly state: 'known'; readonly value: T }
  /** Nothing is there, and nothing can be expected soon. */
  | { readonly state: 'missing'; readonly reason: string };

/**
 * Milliseconds after which a secret that may take any time counts as missing, until it comes: calls wait for it no longer, because they are told
 * which one it is then, and because none of the others would ever be told.
 */
const PATIENCE_MS = 15_000;

const WAITING = { state: 'waiting' } as const;

/** Follows one source until it is released. */
export interface Source<T> {
  readonly now: Followed<T>;
  release(): void;
}

/** What a source tells beside its state. */
export interface SourceEvents {
  changed(): void;
  /** It stays as it was. */
  warning(reason: string): void;
}

/** A secret of SDS. Once it was there it is kept, also where the server takes it back, as Envoy does, unless it is revoked. */
export class SecretFollower<T> implements Source<T> {
  readonly #name: string;
  readonly #events: SourceEvents;
  readonly #unwatch: Unwatch;
  #timer: Timer | null = null;
  #now: Followed<T> = WAITING;
  #trouble = '';

  /** `read` throws where the secret is of no use. */
  constructor(ref: SdsSecretRef, watch: WatchSecret, clock: Clock, read: (secret: Secret) => T, events: SourceEvents) {
    this.#name = `secret "${ref.name}"`;
    this.#events = events;
    const ms = ref.initialFetchTimeoutMs > 0 ? ref.initialFetchTimeoutMs : PATIENCE_MS;
    this.#timer = clock.setTimer(ms, () => this.#tooLate(ms), { unref: true });
    this.#unwatch = watch(ref, {
      changed: (secret) => this.#changed(secret, read),
      resourceError: (error) => this.#bad(error.reason),
      ambientError: (error) => this.#ambient(error),
      revoked: (error) => this.#gone(`${this.#name}: ${error.reason}`),
    });
  }

  get now(): Followed<T> {
    return this.#now;
  }

  release(): void {
    this.#timer?.cancel();
    this.#unwatch();
  }

  #changed(secret: Secret, read: (secret: Secret) => T): void {
    try {
      const value = read(secret);
      this.#timer?.cancel();
      this.#now = { state: 'known', value };
    } catch (error) {
      this.#bad((error as Error).message);
      return;
    }
    this.#events.changed();
  }

  #bad(reason: string): void {
    const text = `${this.#name}: ${reason}`;
    if (this.#now.state === 'known') {
      this.#events.warning(text);
      return;
    }
    this.#gone(text);
  }

  #gone(reason: string): void {
    this.#timer?.cancel();
    this.#now = { state: 'missing', reason };
    this.#events.changed();
  }

  #ambient(error: MeshError): void {
    this.#trouble = `: ${error.reason}`;
    if (this.#now.state === 'known') this.#events.warning(`${this.#name}: ${error.reason}`);
  }

  #tooLate(ms: number): void {
    if (this.#now.state !== 'waiting') return;
    this.#now = { state: 'missing', reason: `${this.#name} did not come within ${ms} ms${this.#trouble}` };
    this.#events.changed();
  }
}

/** A certificate provider of the bootstrap. */
export class ProviderFollower implements Source<Identity> {
  readonly #unwatch: Unwatch;
  #now: Followed<Identity> = WAITING;

  constructor(name: string, provider: IdentityProvider | undefined, events: SourceEvents) {
    const source = `certificate provider "${name}"`;
    if (provider === undefined) {
      this.#now = { state: 'missing', reason: `${source} is not among certificate_providers of the bootstrap` };
      this.#unwatch = () => undefined;
      return;
    }
    this.#unwatch = provider.watch({
      changed: (value) => {
        this.#now = { state: 'known', value };
        events.changed();
      },
      resourceError: (error) => {
        this.#now = { state: 'missing', reason: `${source}: ${error.reason}` };
        events.changed();
      },
      ambientError: (error) => events.warning(`${source}: ${error.reason}`),
    });
  }

  get now(): Followed<Identity> {
    return this.#now;
  }

  release(): void {
    this.#unwatch();
  }
}
