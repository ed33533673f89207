import type { Headers } from '../../headers.ts';
import type { FractionalPercent } from '../../model/runtime.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { Random } from '../../util/random.ts';
import type { FaultAbort, FaultConfig, FaultDelay, FaultRateLimit, FaultRuntimeKeys } from './config.ts';

/** A multiple of every denominator, so that a number below it decides each share exactly. */
const SHARES = 1_000_000_000;

/** What one call is to suffer: the configuration, as the runtime and the headers of the request have it. Each share is drawn anew. */
export class FaultSettings {
  readonly #config: FaultConfig;
  readonly #runtime: Runtime;
  readonly #random: Random;

  constructor(config: FaultConfig, runtime: Runtime, random: Random) {
    this.#config = config;
    this.#runtime = runtime;
    this.#random = random;
  }

  get maxActiveFaults(): number {
    const { maxActiveFaults, runtimeKeys } = this.#config;
    return this.#runtime.integer(runtimeKeys.maxActiveFaults, maxActiveFaults ?? Number.POSITIVE_INFINITY);
  }

  /** Milliseconds; null for no delay. */
  delayMs(headers: Headers): number | null {
    const { delay, runtimeKeys } = this.#config;
    if (delay === null) return null;
    const own = keyOf(headers, 'delay.fixed_delay_percent');
    if (!this.#enabled(own ?? runtimeKeys.delayPercent, delay, 'x-envoy-fault-delay-request-percentage', headers)) {
      return null;
    }
    const { duration } = delay;
    const configured = duration === 'header' ? integerIn(headers, 'x-envoy-fault-delay-request') : duration;
    if (configured === null) return null;
    const ms = this.#integer(
      runtimeKeys.delayDuration,
      keyOf(headers, 'delay.fixed_duration_ms'),
      Math.floor(configured),
    );
    return ms > 0 ? ms : null;
  }

  /** Null for no abort. */
  abort(headers: Headers): { readonly http: number; readonly grpc: number | null } | null {
    const { abort, runtimeKeys } = this.#config;
    if (abort === null) return null;
    const own = keyOf(headers, 'abort.abort_percent');
    if (!this.#enabled(own ?? runtimeKeys.abortPercent, abort, 'x-envoy-fault-abort-request-percentage', headers)) {
      return null;
    }
    const http = httpStatus(abort, headers);
    if (http !== null) return { http: this.#status(runtimeKeys, headers, http), grpc: null };
    const grpc = grpcStatus(abort, headers);
    if (grpc === null) return null;
    const key = keyOf(headers, 'abort.grpc_status');
    return { http: 200, grpc: this.#runtime.integer(key ?? runtimeKeys.abortGrpcStatus, grpc) };
  }

  /** KiB per second; null for no limit. */
  responseKbps(headers: Headers): number | null {
    const { responseRateLimit: limit, runtimeKeys } = this.#config;
    if (limit === null) return null;
    const kbps = limit.kbps === 'header' ? integerIn(headers, 'x-envoy-fault-throughput-response') : limit.kbps;
    if (kbps === null || kbps === 0) return null;
    const key = runtimeKeys.responseRateLimitPercent;
    return this.#enabled(key, limit, 'x-envoy-fault-throughput-response-percentage', headers) ? kbps : null;
  }

  #status(keys: FaultRuntimeKeys, headers: Headers, configured: number): number {
    return this.#runtime.integer(keyOf(headers, 'abort.http_status') ?? keys.abortHttpStatus, configured);
  }

  #integer(key: string, own: string | null, configured: number): number {
    const value = this.#runtime.integer(key, configured);
    return own === null ? value : this.#runtime.integer(own, value);
  }

  #enabled(key: string, fault: FaultAbort | FaultDelay | FaultRateLimit, header: string, headers: Headers): boolean {
    const percentage = isByHeader(fault) ? atMost(fault.percentage, integerIn(headers, header)) : fault.percentage;
    return this.#runtime.featureEnabled(key, percentage, Math.floor(this.#random() * SHARES));
  }
}

function isByHeader(fault: FaultAbort | FaultDelay | FaultRateLimit): boolean {
  if ('status' in fault) return fault.status === 'header';
  return ('duration' in fault ? fault.duration : fault.kbps) === 'header';
}

/** A header can lower a share, never raise it. */
function atMost(percentage: FractionalPercent, numerator: number | null): FractionalPercent {
  return numerator === null ? percentage : { ...percentage, numerator: Math.min(numerator, percentage.numerator) };
}

/** The runtime's key for calls of one service; null where the call does not say which it is of. */
function keyOf(headers: Headers, name: string): string | null {
  const cluster = headers.get('x-envoy-downstream-service-cluster');
  return cluster === undefined ? null : `fault.http.${cluster}.${name}`;
}

function httpStatus({ status }: FaultAbort, headers: Headers): number | null {
  if (status !== 'header') return 'http' in status ? status.http : null;
  const code = integerIn(headers, 'x-envoy-fault-abort-request');
  return code !== null && code >= 200 && code < 600 ? code : null;
}

function grpcStatus({ status }: FaultAbort, headers: Headers): number | null {
  if (status !== 'header') return 'grpc' in status ? status.grpc : null;
  return integerIn(headers, 'x-envoy-fault-abort-grpc-request');
}

/** The first value of a header, where it is a whole number; null otherwise. */
function integerIn(headers: Headers, name: string): number | null {
  const text = headers.get(name)?.split(',', 1)[0];
  return text !== undefined && /^\s*\+?\d{1,15}\s*$/.test(text) ? Number(text) : null;
}
