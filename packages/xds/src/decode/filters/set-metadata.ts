import type { Config } from '@inmesh/api/gen/envoy/extensions/filters/http/set_metadata/v3/set_metadata_pb';
import { type MetadataEntry, type SetMetadataConfig, setMetadata } from '@inmesh/core';
import { unpack } from '../decoding.ts';
import { type FilterDecoder, type FilterRow, filterRow } from './row.ts';

const FILTER = 'envoy.extensions.filters.http.set_metadata.v3.Config';

/** Typed metadata is left out: nothing that a call meets here reads it. */
const decode: FilterDecoder<SetMetadataConfig> = (decoding, any, field) => {
  const { metadataNamespace, value, metadata } = unpack<Config>(decoding, any, FILTER, field);
  const entries: MetadataEntry[] = [];
  // The deprecated form.
  if (value !== undefined && metadataNamespace !== '') {
    entries.push({ namespace: metadataNamespace, allowOverwrite: true, value });
  }
  for (const each of metadata) {
    const { allowOverwrite } = each;
    if (each.value !== undefined)
      entries.push({ namespace: each.metadataNamespace, allowOverwrite, value: each.value });
  }
  return { entries };
};

export const setMetadataRow: FilterRow = filterRow(FILTER, decode, setMetadata, true);
