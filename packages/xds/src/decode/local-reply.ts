import type { AccessLogFilter } from '@inmesh/api/gen/envoy/config/accesslog/v3/accesslog_pb';
import type {
  LocalReplyConfig as ProtoLocalReplies,
  ResponseMapper,
} from '@inmesh/api/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import type { LocalReplyConfig, ReplyFilter, ReplyMapper, StatusComparison } from '@inmesh/core';
import { decodeBodyFormat, readDataSource } from './body-format.ts';
import { type Decoding, enumName, Refusal } from './decoding.ts';
import { decodePercent } from './fractional-percent.ts';
import { decodeHeaderToAdd } from './header-mutation.ts';
import { decodeHeader } from './matchers.ts';

const LOG = 'envoy.config.accesslog.v3';

/** A mapper that asks what this version cannot tell is named in `unsupported`, as it stands in the connection manager. */
export function decodeLocalReplies(
  decoding: Decoding,
  message: ProtoLocalReplies | undefined,
  unsupported: string[],
  field: string,
): LocalReplyConfig | null {
  if (message === undefined) return null;
  return {
    mappers: message.mappers.map((mapper, index) =>
      decodeMapper(decoding, mapper, unsupported, `${field}.mappers[${index}]`),
    ),
    bodyFormat:
      message.bodyFormat === undefined ? null : decodeBodyFormat(decoding, message.bodyFormat, `${field}.body_format`),
  };
}

function decodeMapper(decoding: Decoding, message: ResponseMapper, unsupported: string[], field: string): ReplyMapper {
  const { filter, statusCode = null, body, bodyFormatOverride: format, headersToAdd } = message;
  if (filter === undefined) throw new Refusal(`${field}.filter`, 'value is required');
  return {
    filter: decodeFilter(decoding, filter, unsupported, `${field}.filter`),
    status: statusCode,
    body: body === undefined ? null : Buffer.from(readDataSource(decoding, body, `${field}.body`)).toString(),
    bodyFormat: format === undefined ? null : decodeBodyFormat(decoding, format, `${field}.body_format_override`),
    headersToAdd: headersToAdd.map((each, index) => decodeHeaderToAdd(each, `${field}.headers_to_add[${index}]`)),
  };
}

function decodeFilter(
  decoding: Decoding,
  { filterSpecifier: { case: kind, value } }: AccessLogFilter,
  unsupported: string[],
  field: string,
): ReplyFilter {
  switch (kind) {
    case 'statusCodeFilter':
      return { kind: 'status_code', compare: decodeComparison(value.comparison) };
    case 'grpcStatusFilter':
      return { kind: 'grpc_status', statuses: value.statuses, exclude: value.exclude };
    case 'headerFilter': {
      if (value.header === undefined) throw new Refusal(`${field}.header_filter.header`, 'value is required');
      return { kind: 'header', match: decodeHeader(decoding, value.header, `${field}.header_filter.header`) };
    }
    case 'responseFlagFilter':
      return { kind: 'response_flag', flags: value.flags };
    case 'runtimeFilter': {
      const { runtimeKey, percentSampled, useIndependentRandomness: independent } = value;
      return { kind: 'runtime', share: { runtimeKey, defaultValue: decodePercent(percentSampled) }, independent };
    }
    case 'traceableFilter':
      return { kind: 'traceable' };
    case 'notHealthCheckFilter':
      return { kind: 'not_health_check' };
    case 'andFilter':
    case 'orFilter': {
      const filters = value.filters.map((each, index) =>
        decodeFilter(decoding, each, unsupported, `${field}.filters[${index}]`),
      );
      return { kind: kind === 'andFilter' ? 'and' : 'or', filters };
    }
    default:
      if (kind === undefined) throw new Refusal(`${field}.filter_specifier`, 'value is required');
      unsupported.push(`local_reply_config filter ${kind}`);
      return { kind: 'or', filters: [] };
  }
}

function decodeComparison(
  message:
    | { readonly op: number; readonly value?: { defaultValue: number; runtimeKey: string } | undefined }
    | undefined,
): StatusComparison {
  const op = enumName(`${LOG}.ComparisonFilter.Op`, message?.op ?? 0).toLowerCase() as StatusComparison['op'];
  return { op, value: message?.value?.defaultValue ?? 0, runtimeKey: message?.value?.runtimeKey ?? '' };
}
