import { MeshError } from '../errors.ts';
import type { HttpProtocol } from '../model/upstream-protocol.ts';
import type { Cluster } from './cluster.ts';
import type { ConnectError, ConnectionEnd, TlsFacts } from './connection.ts';
import type { Endpoint } from './endpoint.ts';
import type { PriorityLimits } from './limits.ts';
import { countHandshake } from './ssl-stats.ts';

/** What is counted of the connections to one host, for the cluster, the host and the limits of a priority, as Envoy counts it. */
export class PoolBooks {
  readonly #cluster: Cluster;
  readonly #endpoint: Endpoint;
  readonly #limits: PriorityLimits;

  constructor(cluster: Cluster, endpoint: Endpoint, limits: PriorityLimits) {
    this.#cluster = cluster;
    this.#endpoint = endpoint;
    this.#limits = limits;
  }

  /** Whether one more connection may be opened. */
  get mayConnect(): boolean {
    const { connections, max } = this.#limits;
    return connections < max.maxConnections && this.#endpoint.stats.cx_active < max.maxConnectionsPerHost;
  }

  /** A connection counts from the attempt to open it. `protocol`: `auto` until the server has chosen it, null for bytes without HTTP. */
  connecting(protocol: HttpProtocol | 'auto' | null): void {
    const { stats } = this.#cluster;
    this.#countProtocol(protocol);
    stats.upstream_cx_total++;
    stats.upstream_cx_active++;
    this.#endpoint.stats.cx_total++;
    this.#endpoint.stats.cx_active++;
    this.#limits.connections++;
    this.#cluster.connecting++;
  }

  /** `chosen`: what the server chose where that was left to it; null otherwise. */
  connected(chosen: HttpProtocol | null, tls: TlsFacts | null): void {
    this.#cluster.connecting--;
    this.#countProtocol(chosen);
    if (tls !== null) countHandshake(this.#cluster.stats.ssl, tls);
  }

  /** Nobody waits for it any more. */
  cancelled(): void {
    this.#cluster.connecting--;
    this.#left({ local: true, unfinished: false });
  }

  failed({ timeout, tls }: ConnectError): void {
    const { stats } = this.#cluster;
    this.#cluster.connecting--;
    stats.upstream_cx_connect_fail++;
    this.#endpoint.stats.cx_connect_fail++;
    if (timeout) stats.upstream_cx_connect_timeout++;
    if (tls !== undefined) stats.ssl[tls]++;
    this.#left({ local: timeout, unfinished: false });
  }

  closed(end: ConnectionEnd): void {
    this.#left(end);
  }

  overflow(limit: string): MeshError {
    return new MeshError('upstream_overflow', `the cluster’s limit is reached: ${limit}`, this.#place);
  }

  failure({ timeout, cause }: ConnectError): MeshError {
    const why = timeout
      ? `no connection within connect_timeout (${this.#cluster.config.connectTimeoutMs} ms)`
      : `cannot connect: ${cause.message}`;
    return new MeshError('connection_failure', why, {
      ...this.#place,
      cause,
      ...(timeout ? { reset: 'connection timeout' } : {}),
    });
  }

  get #place(): { readonly cluster: string; readonly endpoint: string } {
    return { cluster: this.#cluster.name, endpoint: this.#endpoint.key };
  }

  #countProtocol(protocol: HttpProtocol | 'auto' | null): void {
    const { stats } = this.#cluster;
    if (protocol === 'http1') stats.upstream_cx_http1_total++;
    else if (protocol === 'http2') stats.upstream_cx_http2_total++;
  }

  #left({ local, unfinished }: ConnectionEnd): void {
    const { stats } = this.#cluster;
    stats.upstream_cx_active--;
    this.#endpoint.stats.cx_active--;
    this.#limits.connections--;
    stats.upstream_cx_destroy++;
    if (local) stats.upstream_cx_destroy_local++;
    else stats.upstream_cx_destroy_remote++;
    if (!unfinished) return;
    stats.upstream_cx_destroy_with_active_rq++;
    if (local) stats.upstream_cx_destroy_local_with_active_rq++;
    else stats.upstream_cx_destroy_remote_with_active_rq++;
  }
}
