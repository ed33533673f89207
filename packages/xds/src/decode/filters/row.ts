import type { Any } from '@bufbuild/protobuf/wkt';
import type { FilterType } from '@inmesh/core';
import { type Decoding, Refusal } from '../decoding.ts';
import type { TypedConfig } from '../typed-config.ts';

/** Reads the configuration of a filter at `field` of its resource; what of it cannot be honoured is added to `unsupported`. */
export type FilterDecoder<Config> = (decoding: Decoding, any: Any, field: string, unsupported: string[]) => Config;

/** The same for a configuration that comes as a TypedStruct, because the API has no message for it. */
export type ConfigDecoder = (decoding: Decoding, config: TypedConfig, field: string, unsupported: string[]) => unknown;

/** A kind of filter from the bytes of its configuration to what calls meet. */
export interface FilterRow {
  /** The message that configures the filter. */
  readonly typeName: string;
  readonly decode: ConfigDecoder;
  /** The message that a route overrides it with, which may be the same; null where Envoy has none. */
  readonly override: { readonly typeName: string; readonly decode: ConfigDecoder } | null;
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

/** Decodes what came as a message. */
function ofMessage(typeName: string, decode: FilterDecoder<unknown>): ConfigDecoder {
  return (decoding, { any }, field, unsupported) => {
    if (any === null) throw new Refusal(field, `is no ${typeName}`);
    return decode(decoding, any, field, unsupported);
  };
}

/** A row whose override is of the same type as its configuration, or has none. */
export function filterRow<Config>(
  typeName: string,
  decodeMessage: FilterDecoder<Config>,
  type: FilterType<Config>,
  overridable: boolean,
): FilterRow {
  const decode = ofMessage(typeName, decodeMessage);
  return { typeName, decode, override: overridable ? { typeName, decode } : null, type: type as FilterType };
}

/** A row with a message of its own for overrides. */
export function filterRowWithOverride<Config, Override>(
  [typeName, decode]: readonly [string, FilterDecoder<Config>],
  [overrideName, decodeOverride]: readonly [string, FilterDecoder<Override>],
  type: FilterType<Config, Override>,
): FilterRow {
  return {
    typeName,
    decode: ofMessage(typeName, decode),
    override: { typeName: overrideName, decode: ofMessage(overrideName, decodeOverride) },
    type: type as FilterType,
  };
}
