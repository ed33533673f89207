import type { FilterCallbacks, FilterFactory, FilterType, HttpFilter } from './filter.ts';
import { addMetadata, type MetadataStruct, mergedMetadata, metadataOf } from './metadata.ts';

/** envoy.extensions.filters.http.set_metadata.v3.Config */
export interface SetMetadataConfig {
  readonly entries: readonly MetadataEntry[];
}

/** envoy.extensions.filters.http.set_metadata.v3.Metadata */
export interface MetadataEntry {
  readonly namespace: string;
  /** Also where another has written to the namespace: then the two are merged. */
  readonly allowOverwrite: boolean;
  readonly value: MetadataStruct;
}

/** Writes what the feed says into the call's dynamic metadata. (envoy.filters.http.set_metadata) */
export const setMetadata: FilterType<SetMetadataConfig> = {
  compile(config, overrides) {
    const { entries } = overrides.at(-1) ?? config;
    return entries.length === 0 ? null : new SettingMetadata(entries);
  },
};

class SettingMetadata implements FilterFactory, HttpFilter {
  readonly #entries: readonly MetadataEntry[];

  constructor(entries: readonly MetadataEntry[]) {
    this.#entries = entries;
  }

  create(): HttpFilter {
    return this;
  }

  onRequestHeaders({ call }: FilterCallbacks): void {
    for (const { namespace, allowOverwrite, value } of this.#entries) {
      const known = metadataOf(call, namespace);
      if (known === null) addMetadata(call, namespace, value);
      else if (allowOverwrite) addMetadata(call, namespace, mergedMetadata(known, value));
    }
  }
}
