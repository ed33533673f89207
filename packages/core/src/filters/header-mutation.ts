import { shownRequest } from '../format/shown.ts';
import type { Headers } from '../headers.ts';
import { compileWireString } from '../match/string-match.ts';
import type { HeaderToAdd } from '../model/header-mutation.ts';
import type { StringMatch } from '../model/matcher.ts';
import { compileHeaderMutations, type HeaderMutator } from '../router/header-mutation.ts';
import type { Clock } from '../util/clock.ts';
import type { RegexEngine } from '../util/regex.ts';
import type { FilterCallbacks, FilterFactory, FilterResponse, FilterType, HttpFilter } from './filter.ts';
import { type QueryMutation, queryMutator } from './query-mutation.ts';

/** envoy.config.common.mutation_rules.v3.HeaderMutation */
export type HeaderOperation =
  | { readonly append: HeaderToAdd }
  | { readonly remove: string }
  | { readonly removeOnMatch: StringMatch };

/** envoy.extensions.filters.http.header_mutation.v3.Mutations */
export interface HeaderMutationLevel {
  readonly request: readonly HeaderOperation[];
  readonly query: readonly QueryMutation[];
  readonly response: readonly HeaderOperation[];
  readonly responseTrailers: readonly HeaderOperation[];
}

/** envoy.extensions.filters.http.header_mutation.v3.HeaderMutation */
export interface HeaderMutationConfig extends HeaderMutationLevel {
  /** True: of the overrides the route's come last, and win; by default the route configuration's do. */
  readonly mostSpecificWins: boolean;
}

/** Changes headers and query parameters, one mutation after the other. (envoy.filters.http.header_mutation) */
export const headerMutation: FilterType<HeaderMutationConfig, HeaderMutationLevel> = {
  compile(config, overrides, { clock, regex }) {
    const levels = [config, ...(config.mostSpecificWins ? overrides : [...overrides].reverse())];
    const request = compileAll(
      levels.map((level) => level.request),
      regex,
    );
    const response = compileAll(
      levels.map((level) => level.response),
      regex,
    );
    const trailers = compileAll(
      levels.map((level) => level.responseTrailers),
      regex,
    );
    const query = queryMutator(levels.flatMap((level) => level.query));
    const idle = request.length + response.length + trailers.length === 0 && query === null;
    return idle ? null : new Mutating(request, query, response, trailers, clock);
  },
};

function compileAll(levels: readonly (readonly HeaderOperation[])[], regex: RegexEngine): HeaderMutator[] {
  return levels.flat().flatMap((operation) => {
    if ('append' in operation) return compileHeaderMutations({ add: [operation.append], remove: [] }) ?? [];
    if ('remove' in operation) return compileHeaderMutations({ add: [], remove: [operation.remove] }) ?? [];
    const matches = compileWireString(operation.removeOnMatch, regex);
    return (headers) => {
      const names = [...headers].map(([name]) => name.toLowerCase()).filter(matches);
      for (const name of names) headers.delete(name);
    };
  });
}

class Mutating implements FilterFactory, HttpFilter {
  readonly #request: readonly HeaderMutator[];
  readonly #query: ReturnType<typeof queryMutator>;
  readonly #response: readonly HeaderMutator[];
  readonly #trailers: readonly HeaderMutator[];
  readonly #clock: Clock;
  readonly onResponseTrailers?: (callbacks: FilterCallbacks, trailers: Headers) => void;

  constructor(
    request: readonly HeaderMutator[],
    query: ReturnType<typeof queryMutator>,
    response: readonly HeaderMutator[],
    trailers: readonly HeaderMutator[],
    clock: Clock,
  ) {
    this.#request = request;
    this.#query = query;
    this.#response = response;
    this.#trailers = trailers;
    this.#clock = clock;
    if (trailers.length > 0) this.onResponseTrailers = (callbacks, headers) => this.#mutateTrailers(callbacks, headers);
  }

  create(): HttpFilter {
    return this;
  }

  onRequestHeaders({ call }: FilterCallbacks): void {
    const shown = shownRequest(call, this.#clock.wallNow());
    for (const mutate of this.#request) mutate(call.head.headers, shown);
    if (this.#query !== null) call.head.path = this.#query(call.head.path, shown);
  }

  onResponseHeaders({ call }: FilterCallbacks, { status, headers }: FilterResponse): void {
    if (this.#response.length === 0) return;
    const shown = { ...shownRequest(call, this.#clock.wallNow()), status, responseHeaders: headers };
    for (const mutate of this.#response) mutate(headers, shown);
  }

  #mutateTrailers({ call }: FilterCallbacks, trailers: Headers): void {
    // Where the response has none, there is nothing to change, as in Envoy.
    if (trailers.flat().length === 0) return;
    const shown = { ...shownRequest(call, this.#clock.wallNow()), responseTrailers: trailers };
    for (const mutate of this.#trailers) mutate(trailers, shown);
  }
}
