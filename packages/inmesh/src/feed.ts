import type { Clock, ConfigSource, Kind, Model, Random, Unwatch, Watcher } from '@inmesh/core';
import {
  type AdsClient,
  type AdsStatus,
  type Bootstrap,
  type DecodeProfile,
  Federation,
  type FeedStore,
  type MassRemovalOptions,
  type NodeIdentity,
  type ResourceContent,
  type XdsServer,
} from '@inmesh/xds';
import type { ShareOptions } from './share/stream-seeker.ts';
import { type SharedStream, shareStream } from './shared-streams.ts';

export interface FeedOptions {
  /** Names at least one server. */
  readonly bootstrap: Bootstrap;
  /** Who this process is to the servers: the bootstrap's node, or what the flavour makes of it. */
  readonly node: NodeIdentity;
  readonly profile: DecodeProfile;
  /** Where it is remembered; null for nowhere. */
  readonly stateDirectory: string | null;
  /** Null for none. */
  readonly massRemoval: MassRemovalOptions | null;
  readonly share: ShareOptions;
  readonly clock: Clock;
  readonly random: Random;
  readonly onError: (error: Error) => void;
}

/** All that control planes tell one mesh: those of the bootstrap, and those of its authorities from the first use of their names on. */
export class Feed implements ConfigSource {
  readonly #own: SharedStream;
  readonly #federation: Federation<AdsClient>;
  readonly #bootstrap: Bootstrap;

  constructor({
    bootstrap,
    node,
    profile,
    stateDirectory,
    massRemoval,
    share: shareOptions,
    clock,
    random,
    onError,
  }: FeedOptions) {
    const { authorities, servers: ownServers } = bootstrap;
    const decoding = { profile, certificateProviders: instancesOf(bootstrap) };
    this.#bootstrap = bootstrap;
    const share = (servers: Bootstrap['servers']) =>
      shareStream({
        servers,
        node,
        decoding,
        stateDirectory,
        massRemoval,
        share: shareOptions,
        clock,
        random,
        onError,
      });
    this.#own = share(ownServers);
    this.#federation = new Federation({
      own: this.#own.client,
      open: (name) => {
        const authority = Object.hasOwn(authorities, name) ? authorities[name] : undefined;
        if (authority === undefined) return null;
        // An authority that names no servers has those of the bootstrap (gRFC A47), and so shares their stream.
        return share(authority.servers.length === 0 ? ownServers : authority.servers);
      },
      nodeId: node.id,
      clock,
    });
  }

  watch<K extends Kind>(kind: K, name: string, watcher: Watcher<Model[K]>): Unwatch {
    return this.#federation.watch(kind, name, watcher);
  }

  /** The client of the bootstrap's own servers, which tells whole types. */
  get client(): AdsClient {
    return this.#own.client;
  }

  /** What of the bootstrap's own servers is remembered over a restart; null for nothing. */
  get store(): FeedStore | null {
    return this.#own.store;
  }

  /** The server in force for names without an authority. */
  get serverUri(): string {
    return this.#own.client.status().stream.serverUri;
  }

  /** The server that a resource of this name is asked of now; null where its authority is not in use. */
  serverOf(name: string): XdsServer | null {
    const client = this.#federation.sourceOf(name);
    if (client === null) return null;
    const { serverUri } = client.stream;
    const { servers, authorities } = this.#bootstrap;
    const all = [...servers, ...Object.values(authorities).flatMap((authority) => authority.servers)];
    return all.find(({ uri }) => uri === serverUri) ?? null;
  }

  /** `stream` is that of the names without an authority; servers and resources are of all authorities in use. */
  status(): AdsStatus {
    const own = this.#own.client.status();
    const others = new Set(this.#federation.sources);
    others.delete(this.#own.client);
    const all = [own, ...Array.from(others, (client) => client.status())];
    return {
      stream: own.stream,
      servers: all.flatMap(({ servers }) => servers),
      resources: all.flatMap(({ resources }) => resources),
    };
  }

  /** The resources of `status()` with their bytes. */
  *contents(): Generator<ResourceContent> {
    for (const client of new Set([this.#own.client, ...this.#federation.sources])) yield* client.contents();
  }

  close(): void {
    this.#federation.close();
    this.#own.release();
  }
}

/** gRPC's bootstrap lists all that a feed may name; an Envoy bootstrap knows of none, and says nothing about them. */
function instancesOf({ format, certificateProviders }: Bootstrap): ReadonlySet<string> | null {
  return format === 'grpc' ? new Set(Object.keys(certificateProviders)) : null;
}
