import type { FilterConfig } from '@inmesh/api/gen/envoy/config/filter/http/alpn/v2alpha1/config_pb';
import { type AlpnConfig, alpn } from '@inmesh/core';
import { enumName, unpack } from '../decoding.ts';
import { type FilterDecoder, type FilterRow, filterRow } from './row.ts';

const FILTER = 'istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig';

/** The first list of each protocol counts. Nothing goes upstream as HTTP/1.0. */
const decode: FilterDecoder<AlpnConfig> = (decoding, any, field) => {
  const { alpnOverride } = unpack<FilterConfig>(decoding, any, FILTER, field);
  const of = (protocol: string): readonly string[] =>
    alpnOverride.find(({ upstreamProtocol }) => enumName(`${FILTER}.Protocol`, upstreamProtocol) === protocol)
      ?.alpnOverride ?? [];
  return { http1: of('HTTP11'), http2: of('HTTP2') };
};

export const alpnRow: FilterRow = filterRow(FILTER, decode, alpn, false);
