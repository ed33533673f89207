import { MeshError } from '@inmesh/core';
import { OVERRIDE_HEADER, OverrideSet } from './override-set.ts';
import type { OverrideRules } from './overrides.ts';
import { readOverrides, serviceKey } from './read-overrides.ts';

/** Longer ones are refused unread: servers take no more than some KiB of headers, and what operators write is far shorter. */
const MOST_CHARACTERS = 8_192;

/** Headers of a request: node's, or the web's. */
export type IncomingHeaders =
  | { readonly [name: string]: string | readonly string[] | undefined }
  | { readonly get: (name: string) => string | null };

/** Takes overrides out of requests that come in: what the rules allow, and nothing where there are none. */
export class IncomingOverrides {
  readonly #rules: OverrideRules | null;

  constructor(rules: OverrideRules | null) {
    this.#rules = rules === null ? null : checked(rules);
  }

  /** Null where the request asks for nothing, or nothing is accepted. Throws a MeshError where it asks for what is not allowed, or cannot be read. */
  read(headers: IncomingHeaders): OverrideSet | null {
    if (this.#rules === null) return null;
    const text = headerText(headers);
    if (text === null) return null;
    if (text.length > MOST_CHARACTERS) throw invalid(`${text.length} characters are more than ${MOST_CHARACTERS}`);
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      throw invalid('it is no JSON');
    }
    const { fields } = readOverrides(value, 'invalid_request');
    const refused = this.#refused(fields, this.#rules);
    if (refused !== null) {
      throw new MeshError(
        'access_denied',
        `${OVERRIDE_HEADER}: ${refused} is not allowed (acceptOverrides says what is)`,
        { body: 'this override is not allowed' },
      );
    }
    // What was accepted is for the whole chain: the next service decides for itself.
    return new OverrideSet({ ...fields, passOn: true });
  }

  /** The first thing that the rules do not allow. */
  #refused(
    { route, endpoint, headers, timeoutMs, retries }: OverrideSet['fields'],
    rules: OverrideRules,
  ): string | null {
    for (const [service, cluster] of route) {
      const allowed = [...(ofService(rules.route, service) ?? []), ...(rules.route?.['*'] ?? [])];
      if (!includes(allowed, cluster)) return `route: ${service} → ${cluster}`;
    }
    const services = (rules.endpoint ?? []).map((name) => serviceKey(name) ?? name);
    for (const service of endpoint.keys()) if (!includes(services, service)) return `endpoint: ${service}`;
    const names = (rules.headers ?? []).map((name) => name.toLowerCase());
    for (const name of headers.keys()) if (!includes(names, name)) return `headers: ${name}`;
    if (timeoutMs !== null && rules.timeout !== true) return 'timeout';
    if (retries !== null && rules.retries !== true) return 'retries';
    return null;
  }
}

function ofService(rules: OverrideRules['route'], service: string): readonly string[] | undefined {
  return Object.entries(rules ?? {}).find(([name]) => serviceKey(name) === service)?.[1];
}

function includes(allowed: readonly string[], name: string): boolean {
  return allowed.includes(name) || allowed.includes('*');
}

function headerText(headers: IncomingHeaders): string | null {
  const { get } = headers;
  const value = typeof get === 'function' ? get.call(headers, OVERRIDE_HEADER) : (headers as Plain)[OVERRIDE_HEADER];
  if (value === undefined || value === null) return null;
  return typeof value === 'string' ? value : value.join(', ');
}

type Plain = { readonly [name: string]: string | readonly string[] | undefined };

function invalid(what: string): MeshError {
  return new MeshError('invalid_request', `${OVERRIDE_HEADER}: ${what}`);
}

/** Throws where a service is not written as one: such a rule would allow nothing, silently. */
function checked(rules: OverrideRules): OverrideRules {
  for (const name of [...Object.keys(rules.route ?? {}), ...(rules.endpoint ?? [])]) {
    if (name !== '*' && serviceKey(name) === null) {
      throw new MeshError('invalid_config', `acceptOverrides: "${name}" is no service; write reviews:9080, or *`);
    }
  }
  return rules;
}
