import {
  Backoff,
  type ConfigSource,
  type Kind,
  type MeshError,
  type Model,
  systemClock,
  systemRandom,
  type Unwatch,
  type Watcher,
} from '@inmesh/core';
import type { CacheHost } from './cache-host.ts';
import type { AdsClientOptions, AdsServerOptions } from './client-options.ts';
import type { CollectionWatcher } from './collection.ts';
import { openDeltaStream } from './delta-stream.ts';
import { eachKind } from './resource-type.ts';
import { Responses } from './responses.ts';
import type { KnownResource } from './second-hand.ts';
import { ServerChain } from './server-chain.ts';
import { ServerLink } from './server-link.ts';
import type { ServerLinkEvents } from './server-link-options.ts';
import { type ServerTerms, termsOf } from './server-terms.ts';
import { Slices } from './slices.ts';
import { openSotwStream } from './sotw-stream.ts';
import type { AdsStats, AdsStatus, AdsStreamStatus, ResourceContent } from './status.ts';
import type { Subscription } from './subscription.ts';
import { TypeCache } from './type-cache.ts';
import type { AnyTypeCache } from './update-cursor.ts';

/**
 * Configuration from one control plane over one ADS stream, and from others with the same resources where that one cannot
 * give them. The stream is opened by the first `watch` and kept; while it
 * is down everything that was accepted stays in force, and it is opened again for as long as anything is watched.
 *
 * A watcher is told what is known before `watch` returns. It may watch and unwatch within any of its callbacks; what it
 * throws goes to `onError`. Requests are sent after the turn, so that many changes make one request per type.
 */
export class AdsClient implements ConfigSource {
  /** Plain numbers, bumped in place. */
  readonly stats: AdsStats;
  readonly #caches: Caches;
  readonly #byUrl: ReadonlyMap<string, AnyTypeCache>;
  readonly #chain: ServerChain;
  readonly #slices: Slices;
  readonly #responses: Responses;
  readonly #followers = new Set<() => void>();
  #closed = false;

  constructor(options: AdsClientOptions) {
    const clock = options.clock ?? systemClock;
    const servers: readonly AdsServerOptions[] = [options, ...(options.fallbacks ?? [])];
    const chain = (): ServerChain => this.#chain;
    const terms = servers.map((server) => termsOf(server, options));
    const inForce = (): ServerTerms => terms[this.#chain.active] as ServerTerms;
    this.#slices = new Slices(clock, options.sliceMs ?? 5);
    const host: CacheHost = {
      clock,
      get priority() {
        return chain().active;
      },
      get features() {
        return inForce().features;
      },
      get resourceTimeoutMs() {
        // Whoever tells the feed on waits as long; its verdict is to come first.
        return inForce().resourceTimeoutMs * (chain().link.secondHand ? 2 : 1);
      },
      get context() {
        const { context } = inForce();
        const { link } = chain();
        return link.secondHand ? { ...context, controlPlane: link.status().serverUri, accepted: true } : context;
      },
      memory: options.memory ?? null,
      massRemoval: options.massRemoval ?? null,
      onError: options.onError,
      subscriptionChanged: () => chain().schedule(),
      run: (job) => this.#slices.run(job),
      get connected() {
        return chain().link.up;
      },
      get outage() {
        return chain().link.outage;
      },
    };
    this.#caches = eachKind<Caches>(options.types, (type) => new TypeCache(type, host));
    const all: readonly AnyTypeCache[] = Object.values(this.#caches);
    this.#byUrl = new Map(all.map((each) => [each.type.typeUrl, each]));
    this.#responses = new Responses(this.#byUrl, this.#slices);
    const makeLink = (priority: number, events: ServerLinkEvents): ServerLink => {
      const server = servers[priority] as AdsServerOptions;
      return new ServerLink({
        transport: server.transport,
        serverUri: server.serverUri,
        metadata: server.metadata ?? (() => ({})),
        node: options.node,
        userAgentVersion: options.userAgentVersion,
        subscriptions: new Map<string, Subscription>(
          all.map((each) => [each.type.typeUrl, each.subscription(priority)]),
        ),
        variant: server.variant ?? 'sotw',
        openStream: { sotw: openSotwStream, delta: openDeltaStream, ...options.openStream },
        backoff: new Backoff(options.random ?? systemRandom, options.backoff),
        clock,
        events,
      });
    };
    this.#chain = new ServerChain(servers.length, makeLink, {
      onUp: () => this.#onUp(),
      onUpdate: (update, stream) => this.#responses.apply(update, stream),
      onDown: (error) => this.#onDown(error),
      onOddity: options.onError,
      onSwitch: () => this.#onSwitch(),
      onStatus: () => this.#tellFollowers(),
      lacking: () => all.some((each) => each.lacking),
    });
    this.stats = {
      control_plane: this.#chain.link.stats,
      servers: this.#chain.links.map((link) => link.stats),
      types: eachKind<AdsStats['types']>(options.types, ({ kind }) => this.#caches[kind].stats),
    };
  }

  watch<K extends Kind>(kind: K, name: string, watcher: Watcher<Model[K]>): Unwatch {
    if (this.#closed) throw new TypeError('the ADS client is closed');
    return this.#caches[kind].watch(name, watcher);
  }

  /**
   * Watches all resources of a type: as a sidecar takes its listeners and clusters. What is known is told bit by bit. While
   * anybody watches all, `watch` asks for nothing by name, and knows at once what does not exist.
   */
  watchAll<K extends Kind>(kind: K, watcher: CollectionWatcher<Model[K]>): Unwatch {
    if (this.#closed) throw new TypeError('the ADS client is closed');
    return this.#caches[kind].watchAll(watcher);
  }

  /** Names of the resources of a type that are in force. */
  names(kind: Kind): Iterable<string> {
    return this.#caches[kind].names();
  }

  /** Names of the resources of a type of which anything is known. */
  known(kind: Kind): Iterable<string> {
    return this.#caches[kind].known();
  }

  /** What is known of a resource, to be told on; null for nothing. Its watchers hear of changes. */
  look(kind: Kind, name: string): KnownResource | null {
    return this.#caches[kind].look(name);
  }

  /** The state of the stream in force. */
  get stream(): AdsStreamStatus {
    return this.#chain.link.status();
  }

  /** Calls back when that may have changed. */
  followStream(follower: () => void): Unwatch {
    const place = () => follower();
    this.#followers.add(place);
    return () => this.#followers.delete(place);
  }

  /** The streams, and each resource that is watched or that the server sent unasked. */
  status(): AdsStatus {
    const resources = Array.from(this.#byUrl.values(), (cache) => cache.status()).flat();
    const { link, links } = this.#chain;
    return { stream: link.status(), servers: links.map((each) => each.status()), resources };
  }

  /** Each resource of `status()` with its bytes, one by one because all together are large. */
  *contents(): Generator<ResourceContent> {
    for (const cache of this.#byUrl.values()) yield* cache.contents();
  }

  /** Ends the stream and forgets all watchers; none is called any more. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#responses.close();
    this.#slices.cancelAll();
    this.#followers.clear();
    this.#chain.close();
    for (const cache of this.#byUrl.values()) cache.close();
  }

  #onUp(): void {
    for (const cache of this.#byUrl.values()) cache.startTimers();
  }

  #onDown(error: MeshError | null): void {
    this.#interrupt();
    if (error === null) return;
    for (const cache of this.#byUrl.values()) cache.ambientError(error);
  }

  /** The wait for what is not known begins anew, with the server that is in force now. */
  #onSwitch(): void {
    this.#interrupt();
    if (this.#chain.link.up) this.#onUp();
  }

  #tellFollowers(): void {
    for (const follower of [...this.#followers]) follower();
  }

  #interrupt(): void {
    this.#responses.interrupt();
    for (const cache of this.#byUrl.values()) cache.stopTimers();
  }
}

type Caches = { readonly [K in Kind]: TypeCache<K> };
