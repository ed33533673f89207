import type { AttemptBooks, Call } from './call.ts';
import type { PriorityLimits } from './cluster/limits.ts';
import { type Handler, type Layer, PassHandler } from './dispatch.ts';
import { isMeshError, MeshError, type MeshErrorCode } from './errors.ts';
import type { Headers } from './headers.ts';
import type { HttpProtocol } from './model/upstream-protocol.ts';
import { setAuthority } from './router/rewrite.ts';
import type { Clock } from './util/clock.ts';

/** What changes from attempt to attempt in the request: `x-envoy-attempt-count`, and the time that the service is told it has. */
export function attempt({ clock }: { readonly clock: Clock }): Layer {
  return (next) => (call, handler) => {
    const { head, route } = call;
    if (route?.virtualHost.includeRequestAttemptCount) {
      head.headers.set('x-envoy-attempt-count', `${call.attempt}`);
    }
    if (call.attempt > 1 && call.deadline < Number.POSITIVE_INFINITY && head.headers.has(EXPECTED)) {
      // 0 would mean that there is no timeout; Envoy says 1 where no time is left.
      const left = Math.max(1, Math.round(call.deadline - clock.now()));
      const perTryMs = route?.retryPolicy.perTryTimeoutMs ?? 0;
      head.headers.set(EXPECTED, `${perTryMs > 0 ? Math.min(perTryMs, left) : left}`);
    }
    next(call, handler);
  };
}

const EXPECTED = 'x-envoy-expected-rq-timeout-ms';

/** Refuses what the cluster must not be called without. Its limits on calls are where they are counted: with its connections. */
export function clusterSupport(): Layer {
  return (next) => (call, handler) => {
    const { cluster } = call;
    if (cluster === null) return next(call, handler);
    const { config } = cluster;
    if (config.unsupported.length > 0) {
      handler.onResponseError(
        new MeshError('unsupported', `the cluster needs what this version lacks: ${config.unsupported.join(', ')}`, {
          cluster: cluster.name,
          status: 503,
          flag: 'UF',
        }),
      );
      return;
    }
    next(call, handler);
  };
}

/** Chooses the host. */
export function balance(): Layer {
  return (next) => (call, handler) => {
    const picked = call.cluster?.pick(call) ?? null;
    if (isMeshError(picked)) {
      handler.onResponseError(picked);
      return;
    }
    call.endpoint = picked;
    const hostname = picked?.config.hostname ?? '';
    const rewrites = call.share?.rewrites;
    if (rewrites?.autoHost === true && hostname !== '') {
      call.routedAuthority ??= call.head.authority;
      setAuthority(call.head, hostname, rewrites.notes);
    }
    next(call, handler);
  };
}

/** Counts the attempt on the cluster and on the host: from the connection that takes it, as Envoy does, to its end. */
export function endpoint(): Layer {
  return (next) => (call, handler) => {
    const { cluster, endpoint } = call;
    if (cluster === null || endpoint === null) return next(call, handler);
    const counted = new EndpointHandler(call, handler);
    call.books = counted;
    next(call, counted);
  };
}

/** What a limit of the cluster refuses: calls, and pools of connections. */
const limited: ReadonlySet<MeshErrorCode> = new Set(['upstream_overflow', 'no_healthy_upstream']);

/** The codes of gRPC that are not the server's failure, as Envoy sees it: those that it would tell in HTTP by less than 500. */
const grpcServed: ReadonlySet<string> = new Set(['0', '1', '3', '5', '6', '7', '8', '9', '10', '11', '16']);

class EndpointHandler extends PassHandler implements AttemptBooks {
  readonly #cluster: NonNullable<Call['cluster']>;
  readonly #endpoint: NonNullable<Call['endpoint']>;
  #issued = false;
  /** While it is on a connection. */
  #limits: PriorityLimits | null = null;
  #protocol: HttpProtocol | null = null;
  #status = 0;
  /** gRPC's status in the headers, where there is no more to come. */
  #grpcStatus: string | undefined;
  /** The server has told its load with this response; what it says again at the end is the same. */
  #loadTold = false;

  constructor(call: Call, handler: Handler) {
    super(handler);
    // The call's own fields belong to its next attempt by the time a late event comes.
    this.#cluster = call.cluster as NonNullable<Call['cluster']>;
    this.#endpoint = call.endpoint as NonNullable<Call['endpoint']>;
  }

  attached(limits: PriorityLimits, protocol: HttpProtocol): void {
    const { stats } = this.#cluster;
    if (!this.#issued) {
      stats.upstream_rq_total++;
      this.#endpoint.stats.rq_total++;
    }
    this.#issued = true;
    this.#limits = limits;
    this.#protocol = protocol;
    limits.requests++;
    stats.upstream_rq_active++;
    this.#endpoint.stats.rq_active++;
  }

  detached(): void {
    if (this.#limits === null) return;
    this.#limits.requests--;
    this.#limits = null;
    this.#cluster.stats.upstream_rq_active--;
    this.#endpoint.stats.rq_active--;
  }

  override onUpgrade(...args: Parameters<Handler['onUpgrade']>): void {
    this.#end(true);
    this.next.onUpgrade(...args);
  }

  override onResponseStart(status: number, headers: Headers, message: string): void {
    this.#status = status;
    this.#grpcStatus = headers.get('grpc-status');
    this.#hearLoad(headers);
    this.next.onResponseStart(status, headers, message);
  }

  override onResponseEnd(trailers: Headers): void {
    const grpcStatus = this.#grpcStatus ?? trailers.get('grpc-status');
    this.#end(this.#status < 500 && (grpcStatus === undefined || grpcServed.has(grpcStatus)));
    this.#hearLoad(trailers);
    this.next.onResponseEnd(trailers);
  }

  override onResponseError(error: Error): void {
    // Limits of ours say nothing against the host.
    this.#end(isMeshError(error) && limited.has(error.code) ? null : false);
    if (this.#protocol === 'http2') this.#countReset(error);
    this.next.onResponseError(error);
  }

  /** As Envoy, of HTTP/2 alone: over HTTP/1 it is the end of a connection. */
  #countReset(error: Error): void {
    const { stats } = this.#cluster;
    // A timeout, and the caller's own abort, reset the request from our side.
    if (!isMeshError(error) || error.code === 'request_timeout') {
      stats.upstream_rq_tx_reset++;
      return;
    }
    const reset = error.code === 'connection_termination' || error.code === 'remote_reset';
    const counter = error.counter === undefined && reset ? 'upstream_rq_rx_reset' : error.counter;
    if (counter) stats[counter]++;
  }

  #hearLoad(headers: Headers): void {
    const { loadMetrics } = this.#cluster;
    if (loadMetrics === null || this.#loadTold) return;
    this.#loadTold = loadMetrics.read(headers, this.#endpoint);
  }

  /** Null for neither success nor failure. */
  #end(success: boolean | null): void {
    this.detached();
    const { stats } = this.#endpoint;
    if (success === true) stats.rq_success++;
    else if (success === false) stats.rq_error++;
  }
}
