import { typeUrlOf } from '@inmesh/api';
import type { TypedExtensionConfig } from '@inmesh/api/gen/envoy/config/core/v3/extension_pb';
import type { EmbeddedFilter } from '@inmesh/core';
import { type Decoding, Refusal } from '../decoding.ts';
import { doesNothing } from '../http-filter.ts';
import { readTypedConfig } from '../typed-config.ts';

/** A filter that stands inside of another; null for one that may be left out, and for one that is not known, which is noted. */
export function decodeEmbedded(
  decoding: Decoding,
  message: TypedExtensionConfig | undefined,
  field: string,
  unsupported: string[],
): EmbeddedFilter | null {
  const place = `${field}.typed_config`;
  const config = readTypedConfig(message?.typedConfig, place);
  if (config.typeName === '') throw new Refusal(place, 'value is required');
  const row = decoding.filters.find(config.typeName);
  if (row === null) {
    if (!doesNothing(config)) unsupported.push(`${place} (${config.typeName})`);
    return null;
  }
  const decoded = row.decode(decoding, config, place, unsupported);
  return { name: message?.name ?? '', typeUrl: typeUrlOf(config.typeName), type: row.type, config: decoded };
}
