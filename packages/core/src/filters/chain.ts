import type { MeshError } from '../errors.ts';
import type { FilterFactory } from './filter.ts';

/** The filters of a listener as the calls of one route meet them. */
export class HttpFilterChain {
  /** By the place in the feed's order; null for a filter that does nothing. */
  readonly factories: readonly (FilterFactory | null)[];
  /** By the same place: whether the filter takes part. */
  readonly enabled: readonly boolean[];
  /** True where no call needs to look at it. */
  readonly empty: boolean;
  /** Why no call may go through it; null where nothing speaks against that. */
  readonly refusal: MeshError | null;

  constructor(factories: readonly (FilterFactory | null)[], enabled: readonly boolean[], refusal: MeshError | null) {
    this.factories = factories;
    this.enabled = enabled;
    this.empty = factories.every((factory, index) => factory === null || !enabled[index]);
    this.refusal = refusal;
  }
}

export const EMPTY_CHAIN: HttpFilterChain = new HttpFilterChain([], [], null);
