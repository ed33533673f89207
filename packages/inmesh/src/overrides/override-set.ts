import type { CallOverrides, EndpointWish } from '@inmesh/core';
import type { Overrides } from './overrides.ts';

/** The header by which overrides travel. */
export const OVERRIDE_HEADER = 'x-inmesh-override';

export interface OverrideFields {
  /** By service, its port always there. */
  readonly route: ReadonlyMap<string, string>;
  readonly endpoint: ReadonlyMap<string, EndpointWish>;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly timeoutMs: number | null;
  /** Null where nothing is said. */
  readonly retries: boolean | null;
  readonly passOn: boolean | null;
}

/** Overrides made ready: what they come to for any service is looked up and not worked out. */
export class OverrideSet {
  readonly fields: OverrideFields;
  readonly #flat: readonly string[];
  /** For services that nothing else is said of; null where that is nothing. */
  readonly #any: CallOverrides | null;

  constructor(fields: OverrideFields) {
    this.fields = fields;
    const { headers, timeoutMs, retries } = fields;
    const flat = [...headers].flat();
    if (fields.passOn === true) flat.push(OVERRIDE_HEADER, encode(fields));
    this.#flat = flat;
    const idle = flat.length === 0 && timeoutMs === null && retries === null;
    this.#any = idle ? null : this.#made(null, null);
  }

  /** What holds for calls to a service; null where that is nothing. */
  of(service: string): CallOverrides | null {
    const cluster = this.fields.route.get(service) ?? null;
    const endpoint = this.fields.endpoint.get(service) ?? null;
    return cluster === null && endpoint === null ? this.#any : this.#made(cluster, endpoint);
  }

  /** Both, this one first. */
  over({ fields: outer }: OverrideSet): OverrideSet {
    const { fields } = this;
    return new OverrideSet({
      route: new Map([...outer.route, ...fields.route]),
      endpoint: new Map([...outer.endpoint, ...fields.endpoint]),
      headers: new Map([...outer.headers, ...fields.headers]),
      timeoutMs: fields.timeoutMs ?? outer.timeoutMs,
      retries: fields.retries ?? outer.retries,
      passOn: fields.passOn ?? outer.passOn,
    });
  }

  #made(cluster: string | null, endpoint: EndpointWish | null): CallOverrides {
    const { timeoutMs, retries } = this.fields;
    return { headers: this.#flat, cluster, endpoint, timeoutMs, retries: retries ?? true };
  }
}

/** JSON in ASCII, which any server takes in a header. */
function encode({ route, endpoint, headers, timeoutMs, retries }: OverrideFields): string {
  const told: Overrides = {
    ...(route.size === 0 ? {} : { route: Object.fromEntries(route) }),
    ...(endpoint.size === 0 ? {} : { endpoint: Object.fromEntries([...endpoint].map(wishAsWritten)) }),
    ...(headers.size === 0 ? {} : { headers: Object.fromEntries(headers) }),
    ...(timeoutMs === null ? {} : { timeout: timeoutMs }),
    ...(retries === false ? { retries } : {}),
  };
  return JSON.stringify(told).replace(/[^ -~]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function wishAsWritten([service, wish]: readonly [string, EndpointWish]) {
  return [service, wish.kind === 'address' ? wish.address : wish.labels] as const;
}
