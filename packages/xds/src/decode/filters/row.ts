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

/** A row whose override is of the same type as its configuration, or has none. */
export function filterRow<Config>(
  typeName: string,
  decode: FilterDecoder<Config>,
  type: FilterType<Config>,
  overridable: boolean,
): FilterRow {
  const override = overridable ? { typeName, decode } : null;
  return { typeName, decode, override, type: type as FilterType };
}

/** A row with a message of its own for overrides. */
export function filterRowWithOverride<Config, Override>(
  row: readonly [typeName: string, decode: FilterDecoder<Config>],
  override: readonly [typeName: string, decode: FilterDecoder<Override>],
  type: FilterType<Config, Override>,
): FilterRow {
  const [typeName, decode] = row;
  const [overrideName, decodeOverride] = override;
  return { typeName, decode, override: { typeName: overrideName, decode: decodeOverride }, type: type as FilterType };
}
