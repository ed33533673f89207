import type { Call } from '../../call.ts';
import { MeshError } from '../../errors.ts';
import type { Headers } from '../../headers.ts';
import { compileHeader, type HeaderTest } from '../../match/header-match.ts';
import type { Timer } from '../../util/clock.ts';
import { outsideContext } from '../../util/outside.ts';
import { clusterNameOf } from '../cluster-name.ts';
import {
  count,
  type FilterCallbacks,
  type FilterEnvironment,
  type FilterFactory,
  type FilterStatus,
  type FilterType,
  type HttpFilter,
} from '../filter.ts';
import { addMetadata } from '../metadata.ts';
import type { FaultConfig } from './config.ts';
import { ResponseRate } from './response-rate.ts';
import { FaultSettings } from './settings.ts';

/** Delays, aborts and slows calls down. (envoy.filters.http.fault) */
export const fault: FilterType<FaultConfig> = {
  compile(config, overrides, environment) {
    const settings = overrides.at(-1) ?? config;
    const { abort, delay, responseRateLimit } = settings;
    return abort === null && delay === null && responseRateLimit === null ? null : new Fault(settings, environment);
  },
};

class Fault implements FilterFactory {
  readonly config: FaultConfig;
  readonly settings: FaultSettings;
  readonly environment: FilterEnvironment;
  readonly #prefix: string;
  readonly #matchers: readonly HeaderTest[];

  constructor(config: FaultConfig, environment: FilterEnvironment) {
    this.config = config;
    this.environment = environment;
    this.settings = new FaultSettings(config, environment.runtime, environment.random);
    this.#matchers = config.headers.map((match) => compileHeader(match, environment.regex));
    this.#prefix = `http.${environment.statPrefix}.fault.`;
  }

  create(call: Call): HttpFilter | null {
    const { upstreamCluster, downstreamNodes } = this.config;
    if (upstreamCluster !== '' && clusterNameOf(call) !== upstreamCluster) return null;
    const { headers } = call.head;
    if (downstreamNodes.length > 0) {
      const node = headers.get('x-envoy-downstream-service-node');
      if (node === undefined || !downstreamNodes.includes(node)) return null;
    }
    for (const matches of this.#matchers) if (!matches(call.head)) return null;
    return new FaultyCall(this);
  }

  count(name: string, by = 1): void {
    count(this.environment.stats, this.#prefix + name, by);
  }

  countInjected(name: string, headers: Headers): void {
    const cluster = headers.get('x-envoy-downstream-service-cluster') ?? '';
    if (cluster !== '' && !this.config.disableDownstreamClusterStats) this.count(`${cluster}.${name}`);
    this.count(name);
  }

  /** Whether there may be one more at this moment. */
  get full(): boolean {
    return (this.environment.stats[`${this.#prefix}active_faults`] ?? 0) >= this.settings.maxActiveFaults;
  }
}

/** What one call suffers. All its faults count as one. */
class FaultyCall implements HttpFilter {
  readonly #fault: Fault;
  #active = false;
  #delay: Timer | null = null;
  #rate: ResponseRate | null = null;

  constructor(fault: Fault) {
    this.#fault = fault;
  }

  onRequestHeaders(callbacks: FilterCallbacks): FilterStatus {
    const { call } = callbacks;
    const { headers } = call.head;
    const { settings, environment } = this.#fault;
    const kbps = settings.responseKbps(headers);
    if (kbps !== null && this.#begin()) {
      this.#fault.count('response_rl_injected');
      this.#rate = new ResponseRate(callbacks, kbps, environment.clock);
    }
    const delayMs = settings.delayMs(headers);
    if (delayMs !== null && this.#begin()) {
      this.#fault.countInjected('delays_injected', headers);
      call.flags ??= [];
      call.flags.push('DI');
      this.#tell(call);
      const { clock } = environment;
      this.#delay = outsideContext(() => clock.setTimer(delayMs, () => this.#afterDelay(callbacks)));
      return 'stop';
    }
    this.#abort(callbacks);
    return undefined;
  }

  onResponseData(_: FilterCallbacks, chunk: Uint8Array): Uint8Array | null {
    return this.#rate === null ? chunk : this.#rate.take(chunk);
  }

  onResponseTrailers(): FilterStatus {
    return this.#rate === null || this.#rate.end() ? undefined : 'stop';
  }

  onDone(): void {
    this.#delay?.cancel();
    this.#rate?.cancel();
    this.#end();
  }

  #afterDelay(callbacks: FilterCallbacks): void {
    if (this.#abort(callbacks)) return;
    if (this.#fault.config.responseRateLimit === null) this.#end();
    callbacks.continueRequest();
  }

  #abort(callbacks: FilterCallbacks): boolean {
    const { headers } = callbacks.call.head;
    const status = this.#fault.settings.abort(headers);
    if (status === null || !this.#begin()) return false;
    this.#fault.countInjected('aborts_injected', headers);
    this.#tell(callbacks.call);
    const { abort } = this.#fault.config;
    const body = abort !== null && abort.responseBody !== '' ? abort.responseBody : 'fault filter abort';
    const error = new MeshError('fault_abort', `the feed aborts this call (${status.http})`, {
      status: status.http,
      body,
    });
    const grpc = status.grpc === null ? {} : { grpcStatus: status.grpc };
    callbacks.reply({ status: status.http, body, error, ...grpc });
    return true;
  }

  #tell(call: Call): void {
    const { config, environment } = this.#fault;
    if (config.filterMetadata !== null) addMetadata(call, environment.name, config.filterMetadata);
  }

  /** False where there are too many at this moment. */
  #begin(): boolean {
    if (this.#active) return true;
    if (this.#fault.full) {
      this.#fault.count('faults_overflow');
      return false;
    }
    this.#fault.count('active_faults');
    this.#active = true;
    return true;
  }

  #end(): void {
    if (this.#active) this.#fault.count('active_faults', -1);
    this.#active = false;
  }
}
