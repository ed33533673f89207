import type { FilterFactory, FilterType, HttpFilter } from './filter.ts';

/**
 * A filter of the application's own: hooks that serve all calls, or, where it has a configuration or keeps state of a call, a row of the
 * table, which is handed the configuration as it came (`RawFilterConfig`).
 */
export type OwnFilter = HttpFilter | FilterType;

export function asFilterType(own: OwnFilter): FilterType {
  if ('compile' in own) return own;
  const factory: FilterFactory = { create: () => own };
  return { compile: () => factory };
}
