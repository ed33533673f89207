import type { Call } from '../call.ts';
import type { Holder } from '../controller.ts';
import type { Handler } from '../dispatch.ts';
import { MeshError } from '../errors.ts';
import { outsideContext } from '../util/outside.ts';
import type { Cluster } from './cluster.ts';
import type { ConnectError, Connecting, Connection, ConnectionEvents } from './connection.ts';
import { PLAIN_KEY } from './connection-key.ts';
import type { Endpoint } from './endpoint.ts';

/** A call that waits for a connection. */
class Pending implements Holder {
  readonly call: Call;
  readonly handler: Handler;
  readonly #pool: HostPool;
  #waiting = true;

  constructor(pool: HostPool, call: Call, handler: Handler) {
    this.#pool = pool;
    this.call = call;
    this.handler = handler;
  }

  abort(error: Error): void {
    if (!this.leave()) return;
    this.#pool.withdraw(this);
    this.handler.onResponseError(error);
  }

  /** Ends the wait, once: what a handler does to other calls while several are failed must not fail one of them twice. */
  leave(): boolean {
    if (!this.#waiting) return false;
    this.#waiting = false;
    this.call.controller.detach(this);
    return true;
  }

  // Nothing flows yet: the connection looks at `controller.paused` when it starts.
  pause(): void {}
  resume(): void {}
}

/**
 * The connections to one host, and the calls that wait for one.
 *
 * Limits are the cluster's, counted over all of its hosts as Envoy counts them: connections beyond `max_connections` are
 * not opened (but one per host always is), calls beyond `max_pending_requests` are refused with the flag UO.
 */
export class HostPool implements ConnectionEvents {
  readonly #cluster: Cluster;
  readonly #endpoint: Endpoint;
  /** The one used last is taken first, so that the others can grow old and close. */
  readonly #idle: Connection[] = [];
  readonly #open = new Set<Connection>();
  readonly #connecting = new Set<Connecting>();
  #pending: Pending[] = [];
  #draining: boolean;
  /** Why no call is taken on any more; null before the end. */
  #destroyed: MeshError | null = null;

  constructor(cluster: Cluster, endpoint: Endpoint) {
    this.#cluster = cluster;
    this.#endpoint = endpoint;
    // A call that was in flight when its cluster went may still choose a host that was never called before.
    this.#draining = cluster.closed;
  }

  /** Connections that are open, in use or not. */
  get size(): number {
    return this.#open.size;
  }

  /** True while nothing is open, being opened or waited for. */
  get empty(): boolean {
    return this.#open.size + this.#connecting.size + this.#pending.length === 0;
  }

  dispatch(call: Call, handler: Handler): void {
    const connection = this.#idle.pop();
    if (connection !== undefined) {
      if (!call.distrustful) {
        connection.dispatch(call, handler);
        return;
      }
      // It makes room for the new one, whatever the limit.
      connection.close();
    }
    if (this.#destroyed !== null) {
      handler.onResponseError(this.#destroyed);
      return;
    }
    const { stats, config } = this.#cluster;
    const limits = config.thresholds[call.route?.priority ?? 'default'];
    if (stats.upstream_rq_pending_active >= limits.maxPendingRequests) {
      stats.upstream_rq_pending_overflow++;
      handler.onResponseError(overflow(this.#cluster, this.#endpoint));
      return;
    }
    stats.upstream_rq_pending_total++;
    stats.upstream_rq_pending_active++;
    const pending = new Pending(this, call, handler);
    this.#pending.push(pending);
    call.controller.attach(pending);
    this.#grow(limits.maxConnections);
  }

  /** Takes a waiting call out. */
  withdraw(pending: Pending): void {
    const index = this.#pending.indexOf(pending);
    if (index < 0) return;
    this.#pending.splice(index, 1);
    this.#cluster.stats.upstream_rq_pending_active--;
    this.#cluster.stats.upstream_rq_cancelled++;
    // A connection that nobody waits for any more would hold the process up until it is ready or has timed out.
    const [opening] = this.#connecting;
    if (opening !== undefined && this.#pending.length < this.#connecting.size) this.#cancel(opening);
  }

  /** No new connections; idle ones close now, busy ones after their call. Waiting calls are served first. */
  drain(): void {
    this.#draining = true;
    for (const connection of this.#idle.splice(0)) connection.close();
    if (this.#pending.length > 0) return;
    for (const connection of this.#open) connection.close();
    for (const opening of [...this.#connecting]) this.#cancel(opening);
  }

  /** Closes everything now; calls in flight fail. */
  destroy(error: MeshError): void {
    this.#draining = true;
    this.#destroyed = error;
    this.#idle.length = 0;
    this.#fail(error);
    for (const opening of [...this.#connecting]) this.#cancel(opening);
    for (const connection of [...this.#open]) connection.destroy(error);
  }

  onFree(connection: Connection): void {
    this.#serve(connection, this.#next());
  }

  /** The call that a connection which has served is for: not one that waits for a new connection while one is on its way. */
  #next(): Pending | undefined {
    const [first] = this.#pending;
    if (first === undefined || !first.call.distrustful || this.#connecting.size === 0) return this.#pending.shift();
    const index = this.#pending.findIndex(({ call }) => !call.distrustful);
    return index < 0 ? undefined : this.#pending.splice(index, 1)[0];
  }

  #serve(connection: Connection, next: Pending | undefined): void {
    if (next !== undefined) {
      next.leave();
      this.#cluster.stats.upstream_rq_pending_active--;
      connection.dispatch(next.call, next.handler);
    } else if (this.#draining) {
      connection.close();
    } else {
      this.#idle.push(connection);
    }
  }

  // Only connections over HTTP/1 are opened so far: one call each, and gone when they take no more.
  onLimit(): void {}
  onDraining(): void {}

  onUnsent(_connection: Connection, call: Call, handler: Handler): void {
    if (call.controller.reason !== null) handler.onResponseError(call.controller.reason);
    else this.dispatch(call, handler);
  }

  onClosed(connection: Connection): void {
    if (!this.#open.delete(connection)) return;
    const index = this.#idle.indexOf(connection);
    if (index >= 0) this.#idle.splice(index, 1);
    this.#endpoint.stats.cx_active--;
    this.#cluster.stats.upstream_cx_active--;
    this.#cluster.stats.upstream_cx_destroy++;
    const [next] = this.#pending;
    if (next === undefined) return;
    this.#grow(this.#cluster.config.thresholds[next.call.route?.priority ?? 'default'].maxConnections);
  }

  /** One connection for every call that waits, as far as the limit allows. */
  #grow(maxConnections: number): void {
    const { stats } = this.#cluster;
    if (this.#connecting.size >= this.#pending.length) return;
    const first = this.#open.size + this.#connecting.size === 0;
    if (!first && stats.upstream_cx_active + this.#cluster.connecting >= maxConnections) {
      stats.upstream_cx_overflow++;
      return;
    }
    stats.upstream_cx_total++;
    this.#endpoint.stats.cx_total++;
    this.#cluster.connecting++;
    const opening = outsideContext(() =>
      this.#cluster.transport.connect(this.#endpoint, PLAIN_KEY, this, (error, connection) => {
        this.#connecting.delete(opening);
        this.#cluster.connecting--;
        if (connection !== null) this.#opened(connection);
        else if (error !== null) this.#refused(error);
      }),
    );
    this.#connecting.add(opening);
  }

  #cancel(opening: Connecting): void {
    this.#connecting.delete(opening);
    this.#cluster.connecting--;
    opening.cancel();
  }

  #opened(connection: Connection): void {
    this.#open.add(connection);
    this.#endpoint.stats.cx_active++;
    this.#cluster.stats.upstream_cx_active++;
    this.#cluster.stats.upstream_cx_http1_total++;
    this.#serve(connection, this.#pending.shift());
  }

  /** As Envoy, fails all that wait rather than one call per failed connection: the host does not answer. */
  #refused(error: ConnectError): void {
    const { stats, config } = this.#cluster;
    stats.upstream_cx_connect_fail++;
    this.#endpoint.stats.cx_connect_fail++;
    if (error.timeout) stats.upstream_cx_connect_timeout++;
    this.#fail(
      new MeshError(
        'connection_failure',
        error.timeout
          ? `no connection within connect_timeout (${config.connectTimeoutMs} ms)`
          : `cannot connect: ${error.cause.message}`,
        {
          cluster: config.name,
          endpoint: this.#endpoint.key,
          cause: error.cause,
          ...(error.timeout ? { reset: 'connection timeout' } : {}),
        },
      ),
    );
  }

  #fail(error: MeshError): void {
    const pending = this.#pending;
    this.#pending = [];
    const { stats } = this.#cluster;
    stats.upstream_rq_pending_active -= pending.length;
    stats.upstream_rq_pending_failure_eject += pending.length;
    for (const waiting of pending) if (waiting.leave()) waiting.handler.onResponseError(error);
  }
}

function overflow(cluster: Cluster, endpoint: Endpoint): MeshError {
  return new MeshError('upstream_overflow', 'too many calls wait for a connection (max_pending_requests)', {
    cluster: cluster.config.name,
    endpoint: endpoint.key,
  });
}
