import type { Head } from '../call.ts';
import { MeshError } from '../errors.ts';
import { compileString, type StringTest } from '../match/string-match.ts';
import type { StringMatch } from '../model/matcher.ts';
import type { RuntimeFractionalPercent } from '../model/runtime.ts';
import { drawn } from './draw.ts';
import {
  count,
  type FilterCallbacks,
  type FilterEnvironment,
  type FilterFactory,
  type FilterType,
  type HttpFilter,
} from './filter.ts';
import { failure } from './reply.ts';

/** envoy.extensions.filters.http.csrf.v3.CsrfPolicy */
export interface CsrfPolicy {
  readonly filterEnabled: RuntimeFractionalPercent | null;
  /** Calls that are only counted; null for none. */
  readonly shadowEnabled: RuntimeFractionalPercent | null;
  /** Origins beside the authority itself, each a host with its port. */
  readonly additionalOrigins: readonly StringMatch[];
}

/** Refuses requests that would change something, in the name of a page from elsewhere. (envoy.filters.http.csrf) */
export const csrf: FilterType<CsrfPolicy> = {
  compile(config, overrides, environment) {
    const policy = overrides.at(-1) ?? config;
    const never = [policy.filterEnabled, policy.shadowEnabled].every((share) => isNever(share));
    return never ? null : new Csrf(policy, environment);
  },
};

/** A runtime key may say otherwise while the process runs. */
function isNever(share: RuntimeFractionalPercent | null): boolean {
  return share === null || (share.runtimeKey === '' && share.defaultValue.numerator === 0);
}

const CHANGING: ReadonlySet<string> = new Set(['POST', 'PUT', 'DELETE', 'PATCH']);

class Csrf implements FilterFactory, HttpFilter {
  readonly #policy: CsrfPolicy;
  readonly #environment: FilterEnvironment;
  readonly #others: readonly StringTest[];
  readonly #prefix: string;

  constructor(policy: CsrfPolicy, environment: FilterEnvironment) {
    this.#policy = policy;
    this.#environment = environment;
    this.#others = policy.additionalOrigins.map((match) => compileString(match, environment.regex));
    this.#prefix = `http.${environment.statPrefix}.csrf.`;
  }

  create({ head }: { readonly head: Head }): HttpFilter | null {
    return CHANGING.has(head.method) ? this : null;
  }

  onRequestHeaders(callbacks: FilterCallbacks): void {
    const { head } = callbacks.call;
    if (!this.#enabled() && !this.#shadow()) return;
    const source = sourceOf(head);
    if (source === '') this.#count('missing_source_origin');
    const known = source === targetOf(head) || this.#others.some((matches) => matches(source));
    if (!known) this.#count('request_invalid');
    if (known && source !== '') {
      this.#count('request_valid');
      return;
    }
    if (this.#shadow() && !this.#enabled()) return;
    const from = source === '' ? 'names no origin' : `comes from ${source}`;
    const error = new MeshError('access_denied', `a ${head.method} that ${from} may not go to ${head.authority}`, {
      body: 'Invalid origin',
      details: 'csrf_origin_mismatch',
    });
    callbacks.reply(failure(error));
  }

  #enabled(): boolean {
    return drawn(this.#policy.filterEnabled, this.#environment);
  }

  #shadow(): boolean {
    return drawn(this.#policy.shadowEnabled, this.#environment);
  }

  #count(name: string): void {
    count(this.#environment.stats, this.#prefix + name);
  }
}

function sourceOf({ headers }: Head): string {
  return hostAndPort(headers.get('origin') ?? '') || hostAndPort(headers.get('referer') ?? '');
}

function targetOf({ scheme, authority }: Head): string {
  return authority === '' ? '' : hostAndPort(`${scheme}://${authority}`);
}

/** Of a URL; what is none is left as it is. */
function hostAndPort(url: string): string {
  return /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#@]*@)?([^/?#@]+)(?:[/?#]|$)/i.exec(url)?.[1] ?? url;
}
