import type { CsrfPolicy as ProtoPolicy } from '@inmesh/api/gen/envoy/extensions/filters/http/csrf/v3/csrf_pb';
import { type CsrfPolicy, csrf } from '@inmesh/core';
import { unpack } from '../decoding.ts';
import { decodeRuntimePercent } from '../fractional-percent.ts';
import { type FilterDecoder, type FilterRow, filterRow } from './row.ts';
import { decodeStrings } from './strings.ts';

const FILTER = 'envoy.extensions.filters.http.csrf.v3.CsrfPolicy';

const decode: FilterDecoder<CsrfPolicy> = (decoding, any, field, unsupported) => {
  const message = unpack<ProtoPolicy>(decoding, any, FILTER, field);
  return {
    filterEnabled: decodeRuntimePercent(message.filterEnabled),
    shadowEnabled: decodeRuntimePercent(message.shadowEnabled),
    additionalOrigins: decodeStrings(decoding, message.additionalOrigins, `${field}.additional_origins`, unsupported),
  };
};

export const csrfRow: FilterRow = filterRow(FILTER, decode, csrf, true);
