import { isMeshError, MeshError } from '../errors.ts';
import type { FilterOverride, FilterOverrides, HttpFilterConfig } from '../model/http-filter.ts';
import type { HttpConnectionManager, Listener } from '../model/listener.ts';
import { type ChainEntry, EMPTY_CHAIN, HttpFilterChain } from './chain.ts';
import { type FilterEnvironment, type FilterFactory, type FilterType, overridesOf } from './filter.ts';

/** Finds the row of an entry by its name, then by the type of its configuration; null where there is none. */
export type FilterTypes = (name: string, typeUrl: string) => FilterType | null;

export interface FilterCompilerParts extends Omit<FilterEnvironment, 'statPrefix' | 'name'> {
  readonly types: FilterTypes;
}

/**
 * Makes chains, and each filter once: it is found again by its configuration and the overrides that apply, so that the routes,
 * the authorities and the route tables which share a configuration share what the filter counts, too.
 */
export class FilterCompiler {
  readonly #parts: FilterCompilerParts;
  readonly #managers = new WeakMap<HttpConnectionManager, ManagerFilters>();

  constructor(parts: FilterCompilerParts) {
    this.#parts = parts;
  }

  /** The filters of a listener under the overrides of each level, the most general first. */
  chain(listener: Listener, levels: readonly FilterOverrides[] = []): HttpFilterChain {
    const { http } = listener;
    if (http === null) return EMPTY_CHAIN;
    let filters = this.#managers.get(http);
    if (filters === undefined) {
      filters = new ManagerFilters(http, listener.name, this.#parts);
      this.#managers.set(http, filters);
    }
    return filters.chain(levels);
  }
}

/** The filters of one connection manager. */
class ManagerFilters {
  readonly #filters: readonly { readonly config: HttpFilterConfig; readonly type: FilterType | null }[];
  readonly #compiled: readonly Compiled[];
  readonly #environment: Omit<FilterEnvironment, 'name'>;
  readonly #listener: string;
  readonly #plain: HttpFilterChain;

  constructor({ httpFilters, statPrefix }: HttpConnectionManager, listener: string, parts: FilterCompilerParts) {
    const { types, ...environment } = parts;
    this.#listener = listener;
    this.#environment = { ...environment, statPrefix };
    this.#filters = httpFilters.map((config) => ({ config, type: types(config.name, config.typeUrl) }));
    this.#compiled = httpFilters.map(() => new Compiled());
    this.#plain = this.#make([]);
  }

  chain(levels: readonly FilterOverrides[]): HttpFilterChain {
    // Overrides for filters that the listener does not have are nobody's.
    const own = levels.filter((level) => this.#filters.some(({ config }) => level.has(config.name)));
    return own.length === 0 ? this.#plain : this.#make(own);
  }

  #make(levels: readonly FilterOverrides[]): HttpFilterChain {
    const refused: string[] = [];
    const broken: MeshError[] = [];
    const entries = this.#filters.flatMap(({ config, type }, index): ChainEntry[] => {
      const { name, support, optional } = config;
      if (support === 'terminal') return [];
      const overrides = levels.flatMap((level) => level.get(name) ?? []);
      // Whoever overrides a filter enables it, unless the override says that it is disabled.
      const disabled = (overrides.at(-1) ?? config).disabled;
      const mayGo = support === 'skipped' || disabled || (optional && support !== 'missing');
      const problem = mayGo ? null : problemOf(config, type, overrides);
      if (problem !== null) {
        refused.push(`${name} (${problem})`);
        return [{ name, state: 'refused', factory: null }];
      }
      if (support === 'skipped' || support === 'missing' || type === null) {
        return [{ name, state: disabled ? 'disabled' : 'skipped', factory: null }];
      }
      const factory = this.#factory(index, config, type, overrides);
      if (isMeshError(factory)) {
        if (!disabled) broken.push(factory);
        return [{ name, state: disabled ? 'disabled' : 'refused', factory: null }];
      }
      return [{ name, state: disabled ? 'disabled' : factory === null ? 'idle' : 'active', factory }];
    });
    return new HttpFilterChain(entries, this.#refusal(refused) ?? broken[0] ?? null);
  }

  #factory(
    index: number,
    { name, config, support, typeUrl }: HttpFilterConfig,
    type: FilterType,
    overrides: readonly FilterOverride[],
  ): FilterFactory | MeshError | null {
    const applied = overrides.filter((each) => each.config !== null && each.support === support);
    const configs = support === 'known' ? overridesOf(type, typeUrl, applied) : applied.map((each) => each.config);
    const compiled = this.#compiled[index] as Compiled;
    try {
      return compiled.factory(applied, () => type.compile(config, configs, { ...this.#environment, name }));
    } catch (cause) {
      // One that an application brings may not like what the feed says: that refuses its calls, and no others.
      const why = cause instanceof Error ? cause.message : String(cause);
      return new MeshError('filter_failed', `the HTTP filter ${name} could not be made of its configuration: ${why}`, {
        listener: this.#listener,
        cause,
      });
    }
  }

  #refusal(refused: readonly string[]): MeshError | null {
    if (refused.length === 0) return null;
    return new MeshError(
      'unsupported',
      `the listener needs HTTP filters that this version lacks: ${refused.join(', ')}`,
      {
        listener: this.#listener,
        // As Envoy answers while a configuration is missing, and for no other reason.
        ...(refused.every((each) => each.endsWith(`(${MISSING})`)) ? NO_CONFIGURATION : {}),
      },
    );
  }
}

const MISSING = 'no configuration has come';
const NO_CONFIGURATION = { body: '', details: 'filter_config_not_found' } as const;

/** Why a filter that takes part cannot be left out and cannot be had; null where it can. */
function problemOf(
  { typeUrl, support, unsupported }: HttpFilterConfig,
  type: FilterType | null,
  overrides: readonly FilterOverride[],
): string | null {
  if (support === 'missing') return MISSING;
  if (type === null) return typeUrl;
  const fields = [...unsupported, ...overrides.flatMap((each) => each.unsupported)];
  const stranger = overrides.find((each) => support === 'known' && each.support === 'unknown' && !each.optional);
  if (stranger !== undefined) fields.push(`override of type ${stranger.typeUrl}`);
  return fields.length === 0 ? null : fields.join(', ');
}

/** What was made of one filter under some overrides, and under those and further ones. */
class Compiled {
  #factory: FilterFactory | null | undefined = undefined;
  readonly #further = new WeakMap<FilterOverride, Compiled>();

  factory(overrides: readonly FilterOverride[], make: () => FilterFactory | null): FilterFactory | null {
    const [first, ...rest] = overrides;
    if (first === undefined) {
      if (this.#factory === undefined) this.#factory = make();
      return this.#factory;
    }
    let further = this.#further.get(first);
    if (further === undefined) {
      further = new Compiled();
      this.#further.set(first, further);
    }
    return further.factory(rest, make);
  }
}
