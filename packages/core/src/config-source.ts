import type { MeshError } from './errors.ts';
import type { ClusterConfig } from './model/cluster.ts';
import type { ClusterLoadAssignment } from './model/endpoint.ts';
import type { ExtensionConfig } from './model/extension-config.ts';
import type { Listener } from './model/listener.ts';
import type { RouteConfiguration } from './model/route.ts';
import type { RuntimeLayer } from './model/runtime.ts';
import type { Secret } from './model/secret.ts';

/** The resource types a client watches, by kind. */
export interface Model {
  listener: Listener;
  routeConfiguration: RouteConfiguration;
  cluster: ClusterConfig;
  clusterLoadAssignment: ClusterLoadAssignment;
  /** SDS: its content never appears in a status, a store or a message. */
  secret: Secret;
  /** ECDS */
  extensionConfig: ExtensionConfig;
  /** RTDS */
  runtime: RuntimeLayer;
}

export type Kind = keyof Model;

/** Hears of one resource (gRFC A88): a value, or one of two kinds of bad news. */
export interface Watcher<T> {
  /** A new valid version is in force. */
  changed(value: T): void;
  /** No version is valid any more (it does not exist, was removed, or never was valid): use of it fails. */
  resourceError(error: MeshError): void;
  /** Something is wrong, but the last version stays in force (the stream is down, an update was rejected). */
  ambientError(error: MeshError): void;
  /** What was wrong with the last version, or with one that was to replace it, is over: it is in force as it was. Not told of a stream that is up again. */
  recovered?(): void;
}

export type Unwatch = () => void;

/** Where configuration comes from: an ADS stream, a static bootstrap, a test. What is known already is replayed to a new watcher before `watch` returns or soon after. */
export interface ConfigSource {
  watch<K extends Kind>(kind: K, name: string, watcher: Watcher<Model[K]>): Unwatch;
}

export interface ResolveOptions {
  /** Milliseconds between two looks where the source cannot say how long its answer holds. */
  readonly refreshMs: number;
}

/** Where the endpoints of a target (`host:port`) are when no EDS says so, as a stream of complete states. */
export interface Resolver {
  watch(target: string, watcher: Watcher<ClusterLoadAssignment>, options: ResolveOptions): Unwatch;
}
