import type { Call } from '../../call.ts';
import { mapActions } from '../../match/map-actions.ts';
import { type CompiledTree, compileMatcherTree } from '../../match/matcher-tree.ts';
import type { FilterOverride } from '../../model/http-filter.ts';
import type { RuntimeFractionalPercent } from '../../model/runtime.ts';
import { drawn } from '../draw.ts';
import { count, type FilterEnvironment, type FilterFactory, type FilterType, overridesOf } from '../filter.ts';
import { type EmbeddedFilter, type MatchAction, type MatchedFilterConfig, MatcherOverride } from './config.ts';

/**
 * Chooses for each call the filters that take part in it, by what the request says when it comes here.
 * (envoy.filters.http.composite, envoy.filters.http.match_delegate)
 */
export const composite: FilterType<MatchedFilterConfig, FilterOverride> = {
  embeds: true,
  compile(config, overrides, environment) {
    const own = overrides.map((each) => each.config).filter((each) => each instanceof MatcherOverride);
    const matcher = own.length === 0 ? config.matcher : (own.at(-1)?.matcher ?? null);
    if (matcher === null) return null;
    const make = (filters: readonly EmbeddedFilter[]): FilterFactory[] =>
      filters.flatMap(
        ({ type, typeUrl, config: its }) => type.compile(its, overridesOf(type, typeUrl, overrides), environment) ?? [],
      );
    const chains = new Map([...config.namedChains].map(([name, filters]) => [name, make(filters)]));
    const compiled = mapActions(matcher, (action: MatchAction): Choice => {
      if (action.kind === 'skip') return SKIP;
      const { filters, samplePercent } = action;
      return { filters: typeof filters === 'string' ? (chains.get(filters) ?? null) : make(filters), samplePercent };
    });
    const base = config.filter === null ? null : make([config.filter]);
    return new Matched(compileMatcherTree(compiled, environment), base, environment);
  },
};

interface Choice {
  /** Null: there is no such chain. */
  readonly filters: readonly FilterFactory[] | null;
  readonly samplePercent: RuntimeFractionalPercent | null;
}

const SKIP: Choice = { filters: [], samplePercent: null };
const NONE: readonly FilterFactory[] = [];

class Matched implements FilterFactory {
  readonly #choiceOf: CompiledTree<Choice>;
  /** Null for a composite. */
  readonly #base: readonly FilterFactory[] | null;
  readonly #environment: FilterEnvironment;
  readonly #counter: string;

  constructor(choiceOf: CompiledTree<Choice>, base: readonly FilterFactory[] | null, environment: FilterEnvironment) {
    this.#choiceOf = choiceOf;
    this.#base = base;
    this.#environment = environment;
    this.#counter = `http.${environment.statPrefix}.composite.filter_delegation_success`;
  }

  create(): null {
    return null;
  }

  choose(call: Call, answered: boolean): readonly FilterFactory[] {
    // Of a request that never came here nothing is known, so nothing was chosen or left out by it.
    const choice = answered ? null : this.#choiceOf(call);
    if (this.#base !== null) return choice === SKIP ? NONE : this.#base;
    if (choice === null || choice.filters === null) return NONE;
    const { samplePercent } = choice;
    if (samplePercent !== null && !drawn(samplePercent, this.#environment)) return NONE;
    if (choice !== SKIP) count(this.#environment.stats, this.#counter);
    return choice.filters;
  }
}
