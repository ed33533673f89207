import type { Cors, CorsPolicy as ProtoPolicy } from '@inmesh/api/gen/envoy/extensions/filters/http/cors/v3/cors_pb';
import { type CorsPolicy, cors } from '@inmesh/core';
import { decodeCorsPolicy } from '../cors-policy.ts';
import { unpack } from '../decoding.ts';
import { type FilterDecoder, type FilterRow, filterRowWithOverride } from './row.ts';

const FILTER = 'envoy.extensions.filters.http.cors.v3.Cors';
const POLICY = 'envoy.extensions.filters.http.cors.v3.CorsPolicy';

const decode: FilterDecoder<null> = (decoding, any, field) => {
  unpack<Cors>(decoding, any, FILTER, field);
  return null;
};

const decodePolicy: FilterDecoder<CorsPolicy> = (decoding, any, field, unsupported) =>
  decodeCorsPolicy(decoding, unpack<ProtoPolicy>(decoding, any, POLICY, field), field, unsupported);

export const corsRow: FilterRow = filterRowWithOverride([FILTER, decode], [POLICY, decodePolicy], cors);
