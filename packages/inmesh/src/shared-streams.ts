import { createHash } from 'node:crypto';
import type { Clock, Random } from '@inmesh/core';
import { grpcChannel } from '@inmesh/transports/rpc';
import {
  AdsClient,
  type AdsServerOptions,
  type Decoding,
  FeedHost,
  FeedStore,
  type MassRemovalOptions,
  type NodeIdentity,
  newDecoding,
  resourceTypes,
  sharedStreams,
  type XdsServer,
} from '@inmesh/xds';
import { judgeLoaded } from './secrets/late-mtls.ts';
import { callCredentials, serverTls } from './server-credentials.ts';
import { writtenByHost } from './share/host-files.ts';
import { type ShareOptions, StreamSeeker } from './share/stream-seeker.ts';
import { ThreadDoor } from './share/thread-door.ts';
import { SharedChannels } from './shared-channels.ts';
import { stateDirectory } from './state-directory.ts';
import { VERSION } from './version.ts';

/** One user's share of a stream. */
export interface SharedStream {
  readonly client: AdsClient;
  /** Null where nothing is remembered over a restart. */
  readonly store: FeedStore | null;
  release(): void;
}

export interface SharedStreamOptions {
  /** The best first; at least one. */
  readonly servers: readonly XdsServer[];
  readonly node: NodeIdentity;
  /** By which rules resources are checked. */
  readonly decoding: Pick<Decoding, 'profile' | 'certificateProviders'>;
  /** Where the feed is remembered; null for nowhere. Whoever shares a stream shares the directory of the first. */
  readonly stateDirectory: string | null;
  /** As the first user says. */
  readonly share: ShareOptions;
  /** Null for none. Whoever shares a stream shares that of the first. */
  readonly massRemoval: MassRemovalOptions | null;
  readonly clock: Clock;
  readonly random: Random;
  readonly onError: (error: Error) => void;
}

/** A user that hears of what concerns no watcher; of its own kind, because two users may share the function. */
interface Listener {
  readonly onError: (error: Error) => void;
}

interface Shared {
  readonly client: AdsClient;
  readonly store: FeedStore | null;
  readonly directory: string | null;
  readonly listeners: Set<Listener>;
  /** Ends it where nobody uses it any more: no mesh of this thread, and no worker. */
  readonly release: () => void;
}

/**
 * The streams of this process, and the connections under them. One of the few things that meshes of a process must share
 * rather than be given: an istio-agent closes all but the newest stream of a node.
 */
const streams = new Map<string, Shared>();
const channels = new SharedChannels();
const door = new ThreadDoor();

/** The stream to a control plane and those to fall back on, shared by all that are the same node to the same servers. */
export function shareStream({
  servers,
  node,
  decoding,
  clock,
  random,
  onError,
  ...options
}: SharedStreamOptions): SharedStream {
  const { profile, certificateProviders } = decoding;
  const key = JSON.stringify([servers, node, profile, [...(certificateProviders ?? ['*'])]]);
  const listener: Listener = { onError };
  let shared = streams.get(key);
  if (shared === undefined) {
    const listeners = new Set<Listener>([listener]);
    const tell = (error: Error) => {
      for (const { onError } of listeners) onError(error);
    };
    const [first, ...fallbacks] = shareChannels(servers, clock, tell);
    if (first === undefined) throw new TypeError('a stream needs a server');
    const directory = options.stateDirectory;
    const store =
      directory === null
        ? null
        : new FeedStore({
            files: writtenByHost(stateDirectory(directory), () => client.stream.via === null),
            node,
            serverUris: servers.map(({ uri }) => uri),
            clock,
            onWarning: tell,
          });
    const types = resourceTypes(newDecoding({ ...decoding, judgeSecret: judgeLoaded }));
    // Hashed, because workers and other processes are told it.
    const hash = createHash('sha256').update(key).digest('hex');
    const seeker = new StreamSeeker({
      ...options.share,
      key: hash,
      accept: (open, onGone) => host.accept(open, onGone),
      clock,
      random,
      onWarning: tell,
    });
    const client = new AdsClient({
      ...first,
      fallbacks,
      node,
      userAgentVersion: VERSION,
      types,
      openStream: sharedStreams(seeker, Object.values(types)),
      memory: store,
      massRemoval: options.massRemoval,
      onError: tell,
      clock,
      random,
    });
    // A process that ends without closing its mesh still remembers what it saw.
    if (store !== null) process.once('exit', store.close);
    const host = new FeedHost({ client, key: hash, version: VERSION });
    const release = (): void => {
      // Workers have nobody else to turn to; guests of a broker have each other.
      if (listeners.size > 0 || door.guests(hash) > 0) return;
      streams.delete(key);
      door.close(hash);
      if (store !== null) {
        process.off('exit', store.close);
        // While it is known whose stream it is.
        store.close();
      }
      client.close();
      seeker.close();
      host.close();
      for (const { transport } of [first, ...fallbacks]) transport.close();
    };
    if (options.share.threads) door.open(hash, host, release);
    shared = { client, store, directory, listeners, release };
    streams.set(key, shared);
  }
  const { client, listeners, store, directory, release } = shared;
  listeners.add(listener);
  if (options.stateDirectory !== null && options.stateDirectory !== directory) {
    onError(
      new Error(
        `state directory ${options.stateDirectory} is not used: another mesh shares the stream to ${servers[0]?.uri}, with ${directory ?? 'none'}`,
      ),
    );
  }
  return {
    client,
    store,
    release: () => {
      if (listeners.delete(listener)) release();
    },
  };
}

/** All of them or, where one cannot be used, none. */
function shareChannels(servers: readonly XdsServer[], clock: Clock, tell: (error: Error) => void): AdsServerOptions[] {
  const shared: AdsServerOptions[] = [];
  try {
    for (const server of servers) shared.push(openServer(server, clock, tell));
  } catch (error) {
    for (const { transport } of shared) transport.close();
    throw error;
  }
  return shared;
}

/** A server, over a connection that is shared by all who speak to it; whoever asks closes its share. */
export function openServer(server: XdsServer, clock: Clock, tell: (error: Error) => void): AdsServerOptions {
  const { uri, keepalive } = server;
  return {
    transport: channels.share(JSON.stringify(server), () =>
      grpcChannel({
        target: uri,
        tls: serverTls(server, tell),
        keepaliveMs: keepalive.intervalMs,
        keepaliveTimeoutMs: keepalive.timeoutMs,
        clock,
      }),
    ),
    serverUri: uri,
    variant: server.delta ? 'delta' : 'sotw',
    serverFeatures: server.features,
    metadata: () => ({ ...Object.fromEntries(server.initialMetadata), ...callCredentials(server, tell) }),
  };
}
