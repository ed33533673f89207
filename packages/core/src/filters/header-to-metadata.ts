import type { Call } from '../call.ts';
import { requestHeader } from '../format/values.ts';
import type { Headers } from '../headers.ts';
import type { RegexEngine } from '../util/regex.ts';
import type { FilterCallbacks, FilterFactory, FilterResponse, FilterType, HttpFilter } from './filter.ts';
import { addMetadata, type MetadataValue } from './metadata.ts';

/** envoy.extensions.filters.http.header_to_metadata.v3.Config */
export interface HeaderToMetadataConfig {
  readonly request: readonly MetadataRule[];
  readonly response: readonly MetadataRule[];
}

/** envoy.extensions.filters.http.header_to_metadata.v3.Config.Rule */
export interface MetadataRule {
  /** In lower case. */
  readonly from: { readonly header: string; readonly remove: boolean } | { readonly cookie: string };
  readonly present: MetadataTarget | null;
  readonly missing: MetadataTarget | null;
}

export interface MetadataTarget {
  readonly namespace: string;
  readonly key: string;
  /** Empty: that of the header. */
  readonly value: string;
  readonly rewrite: { readonly pattern: string; readonly substitution: string } | null;
  readonly number: boolean;
  readonly base64: boolean;
}

/** Bytes: a longer value is not taken, as in Envoy. */
const MAX_VALUE = 8 * 1024;

/** Writes headers and cookies into the call's dynamic metadata. (envoy.filters.http.header_to_metadata) */
export const headerToMetadata: FilterType<HeaderToMetadataConfig> = {
  compile(config, overrides, { regex }) {
    const { request, response } = overrides.at(-1) ?? config;
    if (request.length + response.length === 0) return null;
    return new HeadersToMetadata(compileRules(request, regex), compileRules(response, regex));
  },
};

/** Takes what a message has to say into the metadata of its call. */
type Rule = (headers: Headers, call: Call) => void;

function compileRules(rules: readonly MetadataRule[], regex: RegexEngine): Rule[] {
  return rules.map(({ from, present, missing }) => {
    const read = 'header' in from ? headerReader(from.header, from.remove) : cookieReader(from.cookie);
    const whenPresent = present === null ? null : writer(present, regex);
    const whenMissing = missing === null ? null : writer(missing, regex);
    return (headers, call) => {
      const value = read(headers, call);
      if (value === null) whenMissing?.('', call);
      else whenPresent?.(value, call);
    };
  });
}

/** The first line of a request is headers, too: `:path`, `:authority`, `:method`. */
function headerReader(name: string, remove: boolean): (headers: Headers, call: Call) => string | null {
  if (name.startsWith(':')) return (_, { head }) => requestHeader(head, name);
  return (headers) => {
    const value = joined(headers, name);
    if (value !== null && remove) headers.delete(name);
    return value;
  };
}

/** Several values are joined by a comma without a space, as Envoy joins them. */
function joined(headers: Headers, name: string): string | null {
  let value: string | null = null;
  for (const [each, text] of headers) {
    if (each.toLowerCase() === name) value = value === null ? text : `${value},${text}`;
  }
  return value;
}

function cookieReader(cookie: string): (headers: Headers) => string | null {
  return (headers) => {
    for (const [name, text] of headers) {
      if (name.toLowerCase() !== 'cookie') continue;
      for (const pair of text.split(';')) {
        const equals = pair.indexOf('=');
        if (equals < 0 || pair.slice(0, equals).trim() !== cookie) continue;
        return unquoted(pair.slice(equals + 1).trim()) || null;
      }
    }
    return null;
  };
}

function unquoted(text: string): string {
  return text.length >= 2 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
}

function writer(target: MetadataTarget, regex: RegexEngine): (value: string, call: Call) => void {
  const { namespace, key, rewrite } = target;
  const replace = rewrite === null ? null : regex.compile(rewrite.pattern).replacer(rewrite.substitution);
  return (given, call) => {
    const value = target.value !== '' ? target.value : (replace?.(given) ?? given);
    const written = value === '' ? null : typed(value, target);
    if (written !== null) addMetadata(call, namespace, { [key]: written });
  };
}

function typed(value: string, { number, base64 }: MetadataTarget): MetadataValue {
  if (value.length >= MAX_VALUE) return null;
  const text = base64 ? Buffer.from(value, 'base64').toString('utf8') : value;
  if (text === '') return null;
  if (!number) return text;
  const parsed = Number(text.trim());
  return text.trim() === '' || Number.isNaN(parsed) ? null : parsed;
}

class HeadersToMetadata implements FilterFactory, HttpFilter {
  readonly #request: readonly Rule[];
  readonly #response: readonly Rule[];

  constructor(request: readonly Rule[], response: readonly Rule[]) {
    this.#request = request;
    this.#response = response;
  }

  create(): HttpFilter {
    return this;
  }

  onRequestHeaders({ call }: FilterCallbacks): void {
    for (const rule of this.#request) rule(call.head.headers, call);
  }

  onResponseHeaders({ call }: FilterCallbacks, { headers }: FilterResponse): void {
    for (const rule of this.#response) rule(headers, call);
  }
}
