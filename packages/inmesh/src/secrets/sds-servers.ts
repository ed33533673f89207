import {
  type Clock,
  MeshError,
  type Random,
  type SdsSecretRef,
  type Secret,
  type Unwatch,
  type Watcher,
} from '@inmesh/core';
import { judgeSecret } from '@inmesh/mtls';
import {
  AdsClient,
  type AdsStatus,
  type Bootstrap,
  type NodeIdentity,
  newDecoding,
  resourceTypes,
  secretStreams,
  type XdsServer,
} from '@inmesh/xds';
import { openServer } from '../shared-streams.ts';
import { VERSION } from '../version.ts';
import { type SdsTargets, sdsServers } from './sds-targets.ts';

export interface SdsServersParts {
  readonly bootstrap: Pick<Bootstrap, 'origin' | 'grpcClusters'>;
  readonly node: NodeIdentity;
  /** Servers of clusters that the bootstrap does not define, by gRPC target. */
  readonly targets: SdsTargets;
  readonly clock: Clock;
  readonly random: Random;
  readonly onError: (error: Error) => void;
}

/** Who waits for a secret has a limit of its own (`initial_fetch_timeout`), so that the stream has none: the longest that a timer can wait. */
const NO_TIMEOUT_MS = 2 ** 31 - 1;

interface Opened {
  readonly client: AdsClient;
  close(): void;
}

/**
 * Secrets from servers of their own, as the feed names them: an istio-agent's socket behind the cluster `sds-grpc`, SPIRE's agent, or any server of
 * SDS. There is one stream to each, opened by the first secret that is asked for, shared by all who ask, and kept until `close`. Secrets stay in
 * force while it is down.
 */
export class SdsServers {
  readonly #parts: SdsServersParts;
  readonly #opened = new Map<string, Opened>();
  #types: ReturnType<typeof resourceTypes> | null = null;

  constructor(parts: SdsServersParts) {
    this.#parts = parts;
  }

  /** For references of the kinds `grpc` and `google_grpc`. */
  watch(ref: SdsSecretRef, watcher: Watcher<Secret>): Unwatch {
    const found = sdsServers(ref.source, this.#parts.bootstrap, this.#parts.targets);
    if (typeof found !== 'string') {
      try {
        return this.#clientOf(found).watch('secret', ref.name, watcher);
      } catch (error) {
        return this.#refuse(ref, watcher, (error as Error).message);
      }
    }
    return this.#refuse(ref, watcher, found);
  }

  /** The streams that are open and what came over them, without what is secret of it. */
  status(): AdsStatus[] {
    return Array.from(this.#opened.values(), ({ client }) => client.status());
  }

  close(): void {
    for (const opened of this.#opened.values()) opened.close();
    this.#opened.clear();
  }

  #clientOf(servers: readonly XdsServer[]): AdsClient {
    const key = JSON.stringify(servers);
    const opened = this.#opened.get(key) ?? this.#open(servers);
    this.#opened.set(key, opened);
    return opened.client;
  }

  #open(servers: readonly XdsServer[]): Opened {
    const { node, clock, random, onError } = this.#parts;
    const [first, ...fallbacks] = servers.map((server) => openServer(server, clock, onError));
    if (first === undefined) throw new TypeError('secrets need a server');
    this.#types ??= resourceTypes(newDecoding({ judgeSecret }));
    const client = new AdsClient({
      ...first,
      fallbacks,
      node,
      userAgentVersion: VERSION,
      types: this.#types,
      openStream: secretStreams,
      resourceTimeoutMs: NO_TIMEOUT_MS,
      onError,
      clock,
      random,
    });
    return {
      client,
      close: () => {
        client.close();
        for (const { transport } of [first, ...fallbacks]) transport.close();
      },
    };
  }

  #refuse({ name }: SdsSecretRef, watcher: Watcher<Secret>, why: string): Unwatch {
    watcher.resourceError(new MeshError('connection_failure', why, { resource: `secret "${name}"` }));
    return () => {};
  }
}
