import type { Any } from '@bufbuild/protobuf/wkt';
import type { FilterType } from '@inmesh/core';
import type { Decoding } from '../decoding.ts';

/** Reads the configuration of a filter at `field` of its resource; what of it cannot be honoured is added to `unsupported`. */
export type FilterDecoder<Config> = (decoding: Decoding, any: Any, field: string, unsupported: string[]) => Config;

/** A kind of filter from the bytes of its configuration to what calls meet. */
export interface FilterRow {
  /** The message that configures the filter. */
  readonly typeName: string;
  readonly decode: FilterDecoder<unknown>;
  /** The message that a route overrides it with, which may be the same; null where Envoy has none. */
  readonly override: { readonly typeName: string; readonly decode: FilterDecoder<unknown> } | null;
  readonly type: FilterType;
}

/** The rows of a mesh by the message of each. */
export class FilterTable {
  readonly #rows = new Map<string, FilterRow>();
  readonly #overrides = new Map<string, FilterRow>();

  constructor(rows: readonly FilterRow[]) {
    for (const row of rows) {
      this.#rows.set(row.typeName, row);
      if (row.override !== null) this.#overrides.set(row.override.typeName, row);
    }
  }

  find(typeName: string): FilterRow | null {
    return this.#rows.get(typeName) ?? null;
  }

  /** The row that a message of this type overrides. */
  overriddenBy(typeName: string): FilterRow | null {
    return this.#overrides.get(typeName) ?? null;
  }
}
