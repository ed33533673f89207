import type { Cluster } from '@inmesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import type {
  HttpProtocolOptions as CommonOptions,
  Http1ProtocolOptions,
  Http2ProtocolOptions,
  UpstreamHttpProtocolOptions,
} from '@inmesh/api/gen/envoy/config/core/v3/protocol_pb';
import type { HttpProtocolOptions } from '@inmesh/api/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb';
import type { ClusterConfig, UpstreamProtocol } from '@inmesh/core';
import { type Decoding, enumName, milliseconds, otherFields, Refusal, unpack } from '../decoding.ts';
import { refusedUpstreamFilters } from '../http-filter.ts';
import { decodeHttp2Options } from './http2-options.ts';

const OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
const FIELD = `typed_extension_protocol_options["${OPTIONS}"]`;
const DEFAULT_RESPONSE_HEADERS = 100;
const DEFAULT_IDLE_MS = 3_600_000;

/** Honoured, or without effect on the outcome of a call. */
const KNOWN: ReadonlySet<string> = new Set([
  'common_http_protocol_options',
  'explicit_http_config',
  'use_downstream_protocol_config',
  'auto_config',
  'http_filters', // read one by one
  'upstream_http_protocol_options',
  'header_validation_config',
  'outlier_detection',
  'request_mirror_policies',
  'hash_policy',
]);

export interface ProtocolOptions {
  readonly limits: Pick<
    ClusterConfig,
    'idleTimeoutMs' | 'maxRequestsPerConnection' | 'maxResponseHeaderBytes' | 'maxResponseHeaders'
  >;
  readonly maxConnectionDurationMs: number;
  readonly protocol: UpstreamProtocol;
}

/** HttpProtocolOptions, or the deprecated fields of the cluster where there are none. What cannot be honoured is added to `unsupported`. */
export function decodeProtocolOptions(decoding: Decoding, cluster: Cluster, unsupported: string[]): ProtocolOptions {
  for (const key of Object.keys(cluster.typedExtensionProtocolOptions)) {
    if (key !== OPTIONS) unsupported.push(`typed_extension_protocol_options["${key}"]`);
  }
  const any = cluster.typedExtensionProtocolOptions[OPTIONS];
  if (any === undefined) return deprecatedOptions(cluster, unsupported);
  const options = unpack<HttpProtocolOptions>(decoding, any, OPTIONS, FIELD);
  unsupported.push(...otherFields(options, KNOWN).map((name) => `${FIELD}.${name}`));
  unsupported.push(...refusedUpstreamFilters(options.httpFilters, `${FIELD}.http_filters`));
  const common = options.commonHttpProtocolOptions;
  const { choice, http1, http2, place } = chosen(options, unsupported);
  requireHttp1(http1, `${place}.http_protocol_options`, unsupported);
  requireFieldSize(http2, common, `${place}.http2_protocol_options`);
  if (common?.maxStreamDuration !== undefined && milliseconds(common.maxStreamDuration) > 0) {
    unsupported.push(`${FIELD}.common_http_protocol_options.max_stream_duration`);
  }
  if (cluster.maxRequestsPerConnection !== undefined && common?.maxRequestsPerConnection !== undefined) {
    throw new Refusal(
      'max_requests_per_connection',
      'Only one of max_requests_per_connection from Cluster or HttpProtocolOptions can be specified',
    );
  }
  return {
    ...decodeCommon(common, cluster.maxRequestsPerConnection),
    protocol: {
      choice,
      http2: decodeHttp2Options(http2, `${place}.http2_protocol_options`),
      ...serverNames(options.upstreamHttpProtocolOptions),
    },
  };
}

interface Chosen {
  readonly choice: UpstreamProtocol['choice'];
  readonly http1: Http1ProtocolOptions | undefined;
  readonly http2: Http2ProtocolOptions | undefined;
  readonly place: string;
}

/** HTTP/3 is never spoken: where it is one of several it is left out, as by an Envoy that was never told of an address for it. */
function chosen({ upstreamProtocolOptions: options }: HttpProtocolOptions, unsupported: string[]): Chosen {
  switch (options.case) {
    case 'autoConfig':
    case 'useDownstreamProtocolConfig': {
      const { httpProtocolOptions: http1, http2ProtocolOptions: http2 } = options.value;
      if (options.case === 'autoConfig') return { choice: 'auto', http1, http2, place: `${FIELD}.auto_config` };
      return { choice: 'downstream', http1, http2, place: `${FIELD}.use_downstream_protocol_config` };
    }
    case 'explicitHttpConfig': {
      const place = `${FIELD}.explicit_http_config`;
      const { protocolConfig: config } = options.value;
      if (config.case === 'http2ProtocolOptions') {
        return { choice: 'http2', http1: undefined, http2: config.value, place };
      }
      if (config.case === 'http3ProtocolOptions') unsupported.push(`${place}.http3_protocol_options`);
      const http1 = config.case === 'httpProtocolOptions' ? config.value : undefined;
      return { choice: 'http1', http1, http2: undefined, place };
    }
    default:
      // Refused by the rules of the API, but where gRPC's apply, which does not look at it.
      return { choice: 'http1', http1: undefined, http2: undefined, place: FIELD };
  }
}

function deprecatedOptions(cluster: Cluster, unsupported: string[]): ProtocolOptions {
  const { httpProtocolOptions: http1, http2ProtocolOptions: http2 } = cluster;
  const selection = enumName('envoy.config.cluster.v3.Cluster.ClusterProtocolSelection', cluster.protocolSelection);
  const downstream = selection === 'USE_DOWNSTREAM_PROTOCOL';
  if (!downstream && http1 !== undefined && http2 !== undefined) {
    throw new Refusal(
      'http2_protocol_options',
      "cluster: Both HTTP1 and HTTP2 options may only be configured with non-default 'protocol_selection' values",
    );
  }
  requireHttp1(http1, 'http_protocol_options', unsupported);
  requireFieldSize(http2, cluster.commonHttpProtocolOptions, 'http2_protocol_options');
  const configured = http2 === undefined ? 'http1' : 'http2';
  return {
    ...decodeCommon(cluster.commonHttpProtocolOptions, cluster.maxRequestsPerConnection),
    protocol: {
      choice: downstream ? 'downstream' : configured,
      http2: decodeHttp2Options(http2, 'http2_protocol_options'),
      ...serverNames(cluster.upstreamHttpProtocolOptions),
    },
  };
}

/** The way of writing headers is none of the outcome; another request line is. */
function requireHttp1(message: Http1ProtocolOptions | undefined, field: string, unsupported: string[]): void {
  if (message?.sendFullyQualifiedUrl === true) unsupported.push(`${field}.send_fully_qualified_url`);
}

function requireFieldSize(
  http2: Http2ProtocolOptions | undefined,
  common: CommonOptions | undefined,
  field: string,
): void {
  const size = http2?.maxHeaderFieldSizeKb;
  const all = common?.maxResponseHeadersKb;
  if (size === undefined || all === undefined || size <= all) return;
  throw new Refusal(
    `${field}.max_header_field_size_kb`,
    `max_header_field_size_kb must not exceed max_response_headers_kb, which is ${all}`,
  );
}

function serverNames(
  message: UpstreamHttpProtocolOptions | undefined,
): Pick<UpstreamProtocol, 'autoSni' | 'overrideAutoSniHeader' | 'autoSanValidation'> {
  return {
    autoSni: message?.autoSni ?? false,
    overrideAutoSniHeader: message?.overrideAutoSniHeader.toLowerCase() ?? '',
    autoSanValidation: message?.autoSanValidation ?? false,
  };
}

function decodeCommon(
  common: CommonOptions | undefined,
  ofCluster: number | undefined,
): Omit<ProtocolOptions, 'protocol'> {
  const { idleTimeout, maxConnectionDuration } = common ?? {};
  return {
    limits: {
      idleTimeoutMs: idleTimeout === undefined ? DEFAULT_IDLE_MS : milliseconds(idleTimeout),
      maxResponseHeaderBytes: common?.maxResponseHeadersKb === undefined ? null : common.maxResponseHeadersKb * 1024,
      maxResponseHeaders: common?.maxHeadersCount ?? DEFAULT_RESPONSE_HEADERS,
      maxRequestsPerConnection: common?.maxRequestsPerConnection ?? ofCluster ?? 0,
    },
    maxConnectionDurationMs: maxConnectionDuration === undefined ? 0 : milliseconds(maxConnectionDuration),
  };
}
