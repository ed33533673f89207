import type {
  FaultDelay as ProtoDelay,
  FaultRateLimit as ProtoRateLimit,
} from '@inmesh/api/gen/envoy/extensions/filters/common/fault/v3/fault_pb';
import type {
  HTTPFault,
  FaultAbort as ProtoAbort,
} from '@inmesh/api/gen/envoy/extensions/filters/http/fault/v3/fault_pb';
import { FAULT_RUNTIME_KEYS, type FaultConfig, fault } from '@inmesh/core';
import { milliseconds, otherFields, unpack } from '../decoding.ts';
import { decodePercent } from '../fractional-percent.ts';
import { decodeHeaders } from './headers.ts';
import { type FilterDecoder, type FilterRow, filterRow } from './row.ts';

const FAULT = 'envoy.extensions.filters.http.fault.v3.HTTPFault';
const KNOWN: ReadonlySet<string> = new Set([
  'delay',
  'abort',
  'upstream_cluster',
  'headers',
  'downstream_nodes',
  'max_active_faults',
  'response_rate_limit',
  'delay_percent_runtime',
  'abort_percent_runtime',
  'delay_duration_runtime',
  'abort_http_status_runtime',
  'max_active_faults_runtime',
  'response_rate_limit_percent_runtime',
  'abort_grpc_status_runtime',
  'disable_downstream_cluster_stats',
  'filter_metadata',
]);

const decodeFault: FilterDecoder<FaultConfig> = (decoding, any, field, unsupported) => {
  const message = unpack<HTTPFault>(decoding, any, FAULT, field);
  unsupported.push(...otherFields(message, KNOWN).map((name) => `${field}.${name}`));
  const defaults = FAULT_RUNTIME_KEYS;
  return {
    abort: message.abort === undefined ? null : decodeAbort(message.abort),
    delay: message.delay === undefined ? null : decodeDelay(message.delay),
    responseRateLimit: message.responseRateLimit === undefined ? null : decodeRateLimit(message.responseRateLimit),
    upstreamCluster: message.upstreamCluster,
    downstreamNodes: message.downstreamNodes,
    headers: decodeHeaders(decoding, message.headers, `${field}.headers`, unsupported),
    maxActiveFaults: message.maxActiveFaults ?? null,
    runtimeKeys: {
      delayPercent: message.delayPercentRuntime || defaults.delayPercent,
      abortPercent: message.abortPercentRuntime || defaults.abortPercent,
      delayDuration: message.delayDurationRuntime || defaults.delayDuration,
      abortHttpStatus: message.abortHttpStatusRuntime || defaults.abortHttpStatus,
      abortGrpcStatus: message.abortGrpcStatusRuntime || defaults.abortGrpcStatus,
      maxActiveFaults: message.maxActiveFaultsRuntime || defaults.maxActiveFaults,
      responseRateLimitPercent: message.responseRateLimitPercentRuntime || defaults.responseRateLimitPercent,
    },
    disableDownstreamClusterStats: message.disableDownstreamClusterStats,
    filterMetadata: message.filterMetadata ?? null,
  };
};

function decodeAbort({ percentage, errorType, responseBody }: ProtoAbort): FaultConfig['abort'] {
  const common = { percentage: decodePercent(percentage), responseBody };
  if (errorType.case === 'httpStatus') return { ...common, status: { http: errorType.value } };
  if (errorType.case === 'grpcStatus') return { ...common, status: { grpc: errorType.value } };
  return { ...common, status: 'header' };
}

function decodeDelay({ percentage, faultDelaySecifier: specifier }: ProtoDelay): FaultConfig['delay'] {
  const duration = specifier.case === 'fixedDelay' ? milliseconds(specifier.value) : 'header';
  return { percentage: decodePercent(percentage), duration };
}

function decodeRateLimit({ percentage, limitType }: ProtoRateLimit): FaultConfig['responseRateLimit'] {
  const kbps = limitType.case === 'fixedLimit' ? Number(limitType.value.limitKbps) : 'header';
  return { percentage: decodePercent(percentage), kbps };
}

export const faultRow: FilterRow = filterRow(FAULT, decodeFault, fault, true);
