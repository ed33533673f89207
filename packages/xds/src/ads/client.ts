import {
  type Clock,
  type ConfigSource,
  type Kind,
  type MeshError,
  type Model,
  type Random,
  type StreamTransport,
  systemClock,
  systemRandom,
  type Unwatch,
  type Watcher,
} from '@inmesh/core';
import { Backoff, type BackoffOptions } from './backoff.ts';
import type { AdsNode } from './node.ts';
import { joinReasons } from './reason.ts';
import type { DecodeProfile, ResourceType, ResourceTypes } from './resource-type.ts';
import { ServerLink } from './server-link.ts';
import { openSotwStream } from './sotw-stream.ts';
import type { AdsStats, AdsStatus } from './status.ts';
import type { AdsStream, OpenAdsStream, Update } from './stream.ts';
import type { Subscription } from './subscription.ts';
import { type CacheHost, TypeCache } from './type-cache.ts';
import { type AnyTypeCache, UpdateCursor } from './update-cursor.ts';

export interface AdsClientOptions {
  /** Streams to the control plane. The client opens one at a time and leaves closing the transport to whoever made it. */
  readonly transport: StreamTransport;
  /** As in the bootstrap; errors and `status()` name it. */
  readonly serverUri: string;
  readonly node: AdsNode;
  /** Version of inmesh, for the node's `user_agent_version`. */
  readonly userAgentVersion: string;
  /** Every resource type that can be watched. */
  readonly types: ResourceTypes;
  /** Hears what concerns no watcher: a watcher that threw, an answer of a type that nobody asked for. */
  readonly onError: (error: Error) => void;
  /** Request headers of a stream, asked for anew for each, because tokens expire. Default: none. */
  readonly metadata?: (() => Readonly<Record<string, string>>) | undefined;
  /** Whose refusals apply. Default `envoy`: a feed made for sidecars must be taken as sidecars take it. */
  readonly profile?: DecodeProfile | undefined;
  /**
   * Milliseconds after which a resource that was asked for and did not come counts as not there. Counted from the request
   * on a stream, connecting included, and only while there is a stream: a transport must give up connecting earlier.
   * Default 15,000, as in gRPC and as Envoy's `initial_fetch_timeout`.
   */
  readonly resourceTimeoutMs?: number | undefined;
  /** Waits between streams that fail. Default: gRPC's. */
  readonly backoff?: BackoffOptions | undefined;
  /** The variant of the protocol. Default: state of the world. */
  readonly openStream?: OpenAdsStream | undefined;
  /** Default: the system's. */
  readonly clock?: Clock | undefined;
  /** Default: the system's. */
  readonly random?: Random | undefined;
}

/**
 * Configuration from one control plane over one ADS stream. The stream is opened by the first `watch` and kept; while it
 * is down everything that was accepted stays in force, and it is opened again for as long as anything is watched.
 *
 * A watcher is told what is known before `watch` returns. It may watch and unwatch within any of its callbacks; what it
 * throws goes to `onError`. Requests are sent after the turn, so that many changes make one request per type.
 */
export class AdsClient implements ConfigSource {
  /** Plain numbers, bumped in place. */
  readonly stats: AdsStats;
  readonly #caches: { readonly [K in Kind]: TypeCache<K> };
  readonly #byUrl: ReadonlyMap<string, AnyTypeCache>;
  readonly #link: ServerLink;
  #closed = false;

  constructor(options: AdsClientOptions) {
    const clock = options.clock ?? systemClock;
    const link = (): ServerLink => this.#link;
    const host: CacheHost = {
      clock,
      resourceTimeoutMs: options.resourceTimeoutMs ?? 15_000,
      context: {
        nodeId: options.node.id,
        controlPlane: options.serverUri,
        profile: options.profile ?? 'envoy',
      },
      onError: options.onError,
      subscriptionChanged: () => link().schedule(),
      get outage() {
        return link().outage;
      },
    };
    const cache = <K extends Kind>(type: ResourceType<K>): TypeCache<K> => new TypeCache(type, host);
    const { types } = options;
    this.#caches = {
      listener: cache(types.listener),
      routeConfiguration: cache(types.routeConfiguration),
      cluster: cache(types.cluster),
      clusterLoadAssignment: cache(types.clusterLoadAssignment),
    };
    const all: readonly AnyTypeCache[] = Object.values(this.#caches);
    this.#byUrl = new Map(all.map((each) => [each.type.typeUrl, each]));
    this.#link = new ServerLink({
      transport: options.transport,
      serverUri: options.serverUri,
      metadata: options.metadata ?? (() => ({})),
      node: options.node,
      userAgentVersion: options.userAgentVersion,
      subscriptions: new Map<string, Subscription>(all.map((each) => [each.type.typeUrl, each.subscription])),
      openStream: options.openStream ?? openSotwStream,
      backoff: new Backoff(options.random ?? systemRandom, options.backoff),
      clock,
      events: {
        onUpdate: (update, stream) => this.#onUpdate(update, stream),
        onDown: (error) => this.#onDown(error),
        onOddity: options.onError,
      },
    });
    const { listener, routeConfiguration, cluster, clusterLoadAssignment } = this.#caches;
    this.stats = {
      control_plane: this.#link.stats,
      types: {
        listener: listener.stats,
        routeConfiguration: routeConfiguration.stats,
        cluster: cluster.stats,
        clusterLoadAssignment: clusterLoadAssignment.stats,
      },
    };
  }

  watch<K extends Kind>(kind: K, name: string, watcher: Watcher<Model[K]>): Unwatch {
    if (this.#closed) throw new TypeError('the ADS client is closed');
    return this.#caches[kind].watch(name, watcher);
  }

  /** The stream, and each resource that is watched or that the server sent unasked. */
  status(): AdsStatus {
    const resources = Array.from(this.#byUrl.values(), (cache) => cache.status()).flat();
    return { stream: this.#link.status(), resources };
  }

  /** Ends the stream and forgets all watchers; none is called any more. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#link.close();
    for (const cache of this.#byUrl.values()) cache.close();
  }

  /**
   * All in one turn for now. The cursor is what lets a large response be taken in slices; whoever does that copies the
   * message first, because the transport lends its bytes only during the call.
   */
  #onUpdate(update: Update, stream: AdsStream): void {
    const cache = this.#byUrl.get(update.typeUrl);
    if (cache === undefined) {
      stream.reject(update, `unknown resource type "${update.typeUrl}"`);
      return;
    }
    const cursor = new UpdateCursor(cache, update);
    cache.stats.update_attempt++;
    while (!this.#closed && cursor.step());
    if (this.#closed) return;
    if (cursor.refusals.length === 0) {
      cache.stats.update_success++;
      stream.accept(update);
    } else {
      cache.stats.update_rejected++;
      stream.reject(update, joinReasons(cursor.refusals));
    }
  }

  #onDown(error: MeshError | null): void {
    for (const cache of this.#byUrl.values()) cache.stopTimers();
    if (error === null) return;
    for (const cache of this.#byUrl.values()) cache.ambientError(error);
  }
}
