import type { MeshError } from '../errors.ts';
import type { FilterFactory } from './filter.ts';

/**
 * What becomes of an entry of `http_filters` for the calls of a route. `active`; `idle`: takes part and has nothing to do;
 * `disabled`; `skipped`: left out, because nothing that a call meets depends on it or it is optional; `refused`: the reason to refuse the calls.
 */
export type FilterState = 'active' | 'idle' | 'disabled' | 'skipped' | 'refused';

export interface ChainEntry {
  readonly name: string;
  readonly state: FilterState;
  /** Null for one that does nothing. */
  readonly factory: FilterFactory | null;
}

/** The filters of a listener as the calls of one route meet them. */
export class HttpFilterChain {
  /** In the order of the feed, the terminal filter left out. */
  readonly entries: readonly ChainEntry[];
  /** True where no call needs to look at it. */
  readonly empty: boolean;
  /** Why no call may go through it; null where nothing speaks against that. */
  readonly refusal: MeshError | null;

  constructor(entries: readonly ChainEntry[], refusal: MeshError | null) {
    this.entries = entries;
    this.empty = entries.every(({ state }) => state !== 'active');
    this.refusal = refusal;
  }
}

export const EMPTY_CHAIN: HttpFilterChain = new HttpFilterChain([], null);
