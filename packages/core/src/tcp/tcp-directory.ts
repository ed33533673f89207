import type { Cluster } from '../cluster/cluster.ts';
import type { MeshError } from '../errors.ts';
import type { TcpProxy } from '../model/tcp-proxy.ts';
import type { TcpDestination } from './chain-match.ts';
import type { TcpStats } from './tcp-stats.ts';

/** The TCP proxy that streams to a destination go through. */
export interface TcpWay {
  readonly proxy: TcpProxy;
  readonly stats: TcpStats;
  /** A cluster that the proxy names, or why it cannot be connected to; null while the feed has not told. */
  cluster(name: string): Cluster | MeshError | null;
}

/** What is known of a destination. */
export interface TcpEntry {
  /** Null until it is known, and where there is none. */
  readonly way: TcpWay | null;
  /** Why there is none; null while there is one, or while it is not known. */
  readonly error: MeshError | null;
  /** True where the feed has no say in streams to it. */
  readonly absent: boolean;
  /** Calls back once, when anything of this is next told; the result takes that back. */
  whenSettled(callback: () => void): () => void;
  /** Nobody has a stream by it any more that this one was asked for. */
  release(): void;
}

/** Destinations in use. Each `lookup` is ended by a `release`. */
export interface TcpDirectory {
  lookup(destination: TcpDestination): TcpEntry;
}
