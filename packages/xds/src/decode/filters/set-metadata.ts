import type { Config } from '@inmesh/api/gen/envoy/extensions/filters/http/set_metadata/v3/set_metadata_pb';
import { type MetadataEntry, type SetMetadataConfig, setMetadata } from '@inmesh/core';
import { unpack } from '../decoding.ts';
import { type FilterDecoder, type FilterRow, filterRow } from './row.ts';

const FILTER = 'envoy.extensions.filters.http.set_metadata.v3.Config';

const decode: FilterDecoder<SetMetadataConfig> = (decoding, any, field, unsupported) => {
  const { metadataNamespace, value, metadata } = unpack<Config>(decoding, any, FILTER, field);
  const entries: MetadataEntry[] = [];
  // The deprecated form.
  if (value !== undefined && metadataNamespace !== '') {
    entries.push({ namespace: metadataNamespace, allowOverwrite: true, value });
  }
  for (const [index, each] of metadata.entries()) {
    const { allowOverwrite } = each;
    if (each.typedValue !== undefined) unsupported.push(`${field}.metadata[${index}].typed_value`);
    if (each.value !== undefined)
      entries.push({ namespace: each.metadataNamespace, allowOverwrite, value: each.value });
  }
  return { entries };
};

export const setMetadataRow: FilterRow = filterRow(FILTER, decode, setMetadata, true);
