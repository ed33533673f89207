import type { Call } from '../../call.ts';
import { MeshError } from '../../errors.ts';
import { shownRequest } from '../../format/shown.ts';
import { Headers } from '../../headers.ts';
import { compileHeaderMutations, type HeaderMutator } from '../../router/header-mutation.ts';
import { drawn } from '../draw.ts';
import {
  count,
  type FilterCallbacks,
  type FilterEnvironment,
  type FilterFactory,
  type FilterResponse,
  type FilterType,
  type HttpFilter,
} from '../filter.ts';
import type { LocalRateLimitConfig } from './config.ts';
import { type LimitVerdict, LocalLimiter } from './limiter.ts';

const RESOURCE_EXHAUSTED = 8;

/** Lets no more calls through than the feed allows this process. (envoy.filters.http.local_ratelimit) */
export const localRateLimit: FilterType<LocalRateLimitConfig> = {
  compile(config, overrides, environment) {
    const settings = overrides.at(-1) ?? config;
    const limits = settings.tokenBucket !== null || settings.descriptors.length > 0;
    return limits && settings.filterEnabled !== null ? new LocalRateLimit(settings, environment) : null;
  },
};

class LocalRateLimit implements FilterFactory, HttpFilter {
  readonly #config: LocalRateLimitConfig;
  readonly #environment: FilterEnvironment;
  readonly #limiter: LocalLimiter;
  readonly #prefix: string;
  readonly #requestHeaders: HeaderMutator | null;
  readonly #responseHeaders: HeaderMutator | null;

  constructor(config: LocalRateLimitConfig, environment: FilterEnvironment) {
    this.#config = config;
    this.#environment = environment;
    this.#limiter = new LocalLimiter(config, environment.clock);
    this.#prefix = `${config.statPrefix}.http_local_rate_limit.`;
    this.#requestHeaders = compileHeaderMutations({ add: config.requestHeadersToAddWhenNotEnforced, remove: [] });
    this.#responseHeaders = compileHeaderMutations({ add: config.responseHeadersToAdd, remove: [] });
  }

  create(): HttpFilter {
    return this.#config.xRateLimitHeaders ? new LimitedCall(this) : this;
  }

  onRequestHeaders(callbacks: FilterCallbacks): void {
    const verdict = this.ask(callbacks.call);
    if (verdict?.allowed === false) this.deny(callbacks);
  }

  /** Null where the call is not counted. */
  ask(call: Call): LimitVerdict | null {
    if (!drawn(this.#config.filterEnabled, this.#environment)) return null;
    this.#count('enabled');
    const verdict = this.#limiter.take(call);
    this.#count(verdict.allowed ? 'ok' : 'rate_limited');
    return verdict;
  }

  /** Answers a call over the limit, or marks it and lets it go where the limit is only watched. */
  deny(callbacks: FilterCallbacks): void {
    const { call } = callbacks;
    const { filterEnforced, status, statPrefix, asResourceExhausted } = this.#config;
    if (!drawn(filterEnforced, this.#environment)) {
      this.#requestHeaders?.(call.head.headers, this.#shown(call));
      return;
    }
    this.#count('enforced');
    const headers = Headers.empty();
    this.#responseHeaders?.(headers, { ...this.#shown(call), status, responseHeaders: headers });
    const error = new MeshError('rate_limited', `over the limit of ${statPrefix}`, { status });
    const grpc = asResourceExhausted ? { grpcStatus: RESOURCE_EXHAUSTED } : {};
    callbacks.reply({ status, body: error.body, headers: headers.flat(), error, ...grpc });
  }

  #shown(call: Call) {
    return shownRequest(call, this.#environment.clock.wallNow());
  }

  #count(name: string): void {
    count(this.#environment.stats, this.#prefix + name);
  }
}

/** A call whose answer tells what is left. */
class LimitedCall implements HttpFilter {
  readonly #limit: LocalRateLimit;
  #verdict: LimitVerdict | null = null;

  constructor(limit: LocalRateLimit) {
    this.#limit = limit;
  }

  onRequestHeaders(callbacks: FilterCallbacks): void {
    this.#verdict = this.#limit.ask(callbacks.call);
    if (this.#verdict?.allowed === false) this.#limit.deny(callbacks);
  }

  onResponseHeaders(_: FilterCallbacks, { headers }: FilterResponse): void {
    const bucket = this.#verdict?.bucket ?? null;
    if (bucket === null) return;
    headers.append('x-ratelimit-limit', `${bucket.maxTokens}`);
    headers.append('x-ratelimit-remaining', `${bucket.tokens}`);
    headers.append('x-ratelimit-reset', `${Math.ceil(bucket.nextTokenMs / 1000)}`);
  }
}
