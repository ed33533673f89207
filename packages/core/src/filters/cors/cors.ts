import type { Call } from '../../call.ts';
import type { CorsPolicy } from '../../model/cors.ts';
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
import { CorsRules } from './cors-rules.ts';

/**
 * Answers the preflights of browsers, and tells them which of their pages may see a response: an application that calls in the name
 * of a page gets from the mesh what it would get from a sidecar. (envoy.filters.http.cors)
 */
export const cors: FilterType<null, CorsPolicy> = {
  compile(_, overrides, environment) {
    const [first, ...rest] = overrides.toReversed();
    return first === undefined ? null : new Cors(new CorsRules([first, ...rest], environment.regex), environment);
  },
};

class Cors implements FilterFactory {
  readonly environment: FilterEnvironment;
  readonly rules: CorsRules;
  readonly #prefix: string;

  constructor(rules: CorsRules, environment: FilterEnvironment) {
    this.environment = environment;
    this.rules = rules;
    this.#prefix = `http.${environment.statPrefix}.cors.`;
  }

  create({ head, route }: Call): HttpFilter | null {
    // Only a route to a cluster has policies, as in Envoy.
    if (route?.config.action.kind !== 'forward') return null;
    const origin = head.headers.get('origin') ?? '';
    return origin === '' ? null : new CorsCall(this, origin);
  }

  count(name: string): void {
    count(this.environment.stats, this.#prefix + name);
  }
}

/** A call with an origin. */
class CorsCall implements HttpFilter {
  readonly #cors: Cors;
  readonly #rules: CorsRules;
  readonly #origin: string;
  /** The response tells the origin that it may see it. */
  #tells = false;

  constructor(cors: Cors, origin: string) {
    this.#cors = cors;
    this.#rules = cors.rules;
    this.#origin = origin;
  }

  onRequestHeaders(callbacks: FilterCallbacks): void {
    const rules = this.#rules;
    if (!this.#enabled() && !this.#shadow()) return;
    const allowed = rules.allows(this.#origin);
    this.#cors.count(allowed ? 'origin_valid' : 'origin_invalid');
    if (this.#shadow() && !this.#enabled()) return;
    this.#tells = allowed;
    const { method, headers } = callbacks.call.head;
    const asked = headers.get('access-control-request-method') ?? '';
    if (method !== 'OPTIONS' || asked === '') return;
    if (allowed || !rules.forwardNotMatchingPreflights) this.#answer(callbacks, allowed, asked);
  }

  onResponseHeaders(_: FilterCallbacks, { headers }: FilterResponse): void {
    if (!this.#tells) return;
    const { allowCredentials, exposeHeaders } = this.#rules;
    headers.set('access-control-allow-origin', this.#origin);
    if (allowCredentials) headers.set('access-control-allow-credentials', 'true');
    if (exposeHeaders !== '') headers.set('access-control-expose-headers', exposeHeaders);
  }

  #answer(callbacks: FilterCallbacks, allowed: boolean, askedMethod: string): void {
    const rules = this.#rules;
    const { headers } = callbacks.call.head;
    const pairs: string[] = [];
    const add = (name: string, value: string) => {
      if (value !== '') pairs.push(`access-control-allow-${name}`, value);
    };
    if (allowed) add('origin', this.#origin);
    if (rules.allowCredentials) add('credentials', 'true');
    add('methods', rules.allowMethods === '*' ? askedMethod : rules.allowMethods);
    const askedHeaders = headers.get('access-control-request-headers') ?? '';
    // Empty where nothing was asked for, as Envoy answers.
    if (rules.allowHeaders === '*') pairs.push('access-control-allow-headers', askedHeaders);
    else add('headers', rules.allowHeaders);
    if (rules.maxAge !== '') pairs.push('access-control-max-age', rules.maxAge);
    const privately = headers.get('access-control-request-private-network') === 'true';
    if (rules.allowPrivateNetworkAccess && privately) add('private-network', 'true');
    callbacks.reply({ status: 200, headers: pairs });
  }

  #enabled(): boolean {
    const { filterEnabled } = this.#rules;
    return filterEnabled === null || drawn(filterEnabled, this.#cors.environment);
  }

  #shadow(): boolean {
    return drawn(this.#rules.shadowEnabled, this.#cors.environment);
  }
}
