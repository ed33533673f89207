import type { Buffer, BufferPerRoute } from '@inmesh/api/gen/envoy/extensions/filters/http/buffer/v3/buffer_pb';
import { type BufferConfig, buffer } from '@inmesh/core';
import { unpack } from '../decoding.ts';
import { type FilterDecoder, type FilterRow, filterRowWithOverride } from './row.ts';

const BUFFER = 'envoy.extensions.filters.http.buffer.v3.Buffer';
const PER_ROUTE = 'envoy.extensions.filters.http.buffer.v3.BufferPerRoute';

const decode: FilterDecoder<BufferConfig> = (decoding, any, field) =>
  settings(unpack<Buffer>(decoding, any, BUFFER, field));

const decodeOverride: FilterDecoder<BufferConfig | 'disabled'> = (decoding, any, field) => {
  const { override } = unpack<BufferPerRoute>(decoding, any, PER_ROUTE, field);
  return override.case === 'buffer' ? settings(override.value) : 'disabled';
};

function settings({ maxRequestBytes }: Buffer): BufferConfig {
  return { maxRequestBytes: maxRequestBytes ?? 0 };
}

export const bufferRow: FilterRow = filterRowWithOverride([BUFFER, decode], [PER_ROUTE, decodeOverride], buffer);
