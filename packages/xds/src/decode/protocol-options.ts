import type { Cluster } from '@inmesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import type { HttpProtocolOptions as CommonOptions } from '@inmesh/api/gen/envoy/config/core/v3/protocol_pb';
import type { HttpProtocolOptions } from '@inmesh/api/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb';
import type { ClusterConfig } from '@inmesh/core';
import { type Decoding, milliseconds, otherFields, unpack } from './decoding.ts';
import { refusedUpstreamFilters } from './http-filter.ts';

const OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
const FIELD = `typed_extension_protocol_options["${OPTIONS}"]`;
const DEFAULT_RESPONSE_HEADERS_KB = 60;
const DEFAULT_IDLE_MS = 3_600_000;

/** Honoured, or without effect on the outcome of a call. */
const KNOWN: ReadonlySet<string> = new Set([
  'common_http_protocol_options',
  'explicit_http_config', // read by protocol
  'use_downstream_protocol_config', // callers speak HTTP/1
  'http_filters', // read one by one
  'upstream_http_protocol_options', // without effect but over TLS, which is refused itself
  'header_validation_config',
  'outlier_detection',
  'request_mirror_policies',
  'hash_policy',
]);

export type ProtocolOptions = Pick<
  ClusterConfig,
  'idleTimeoutMs' | 'maxRequestsPerConnection' | 'maxResponseHeaderBytes'
> & {
  readonly unsupported: readonly string[];
};

/** HttpProtocolOptions, or the deprecated fields of the cluster where there are none. */
export function decodeProtocolOptions(decoding: Decoding, cluster: Cluster): ProtocolOptions {
  const unsupported: string[] = [];
  for (const key of Object.keys(cluster.typedExtensionProtocolOptions)) {
    if (key !== OPTIONS) unsupported.push(`typed_extension_protocol_options["${key}"]`);
  }
  const any = cluster.typedExtensionProtocolOptions[OPTIONS];
  if (any === undefined) {
    if (cluster.http2ProtocolOptions !== undefined) unsupported.push('http2_protocol_options');
    return { ...limits(cluster.commonHttpProtocolOptions, cluster.maxRequestsPerConnection), unsupported };
  }
  const options = unpack<HttpProtocolOptions>(decoding, any, OPTIONS, FIELD);
  unsupported.push(...otherFields(options, KNOWN).map((name) => `${FIELD}.${name}`));
  const protocol = options.upstreamProtocolOptions;
  if (protocol.case === 'explicitHttpConfig' && protocol.value.protocolConfig.case !== 'httpProtocolOptions') {
    const version = protocol.value.protocolConfig.case === 'http3ProtocolOptions' ? 3 : 2;
    unsupported.push(`${FIELD}.explicit_http_config.http${version}_protocol_options`);
  }
  unsupported.push(...refusedUpstreamFilters(options.httpFilters, `${FIELD}.http_filters`));
  const common = options.commonHttpProtocolOptions;
  if (common?.maxStreamDuration !== undefined && milliseconds(common.maxStreamDuration) > 0) {
    unsupported.push(`${FIELD}.common_http_protocol_options.max_stream_duration`);
  }
  return { ...limits(common, cluster.maxRequestsPerConnection), unsupported };
}

function limits(
  common: CommonOptions | undefined,
  ofCluster: number | undefined,
): Pick<ClusterConfig, 'idleTimeoutMs' | 'maxRequestsPerConnection' | 'maxResponseHeaderBytes'> {
  return {
    idleTimeoutMs: common?.idleTimeout === undefined ? DEFAULT_IDLE_MS : milliseconds(common.idleTimeout),
    maxResponseHeaderBytes: (common?.maxResponseHeadersKb ?? DEFAULT_RESPONSE_HEADERS_KB) * 1024,
    maxRequestsPerConnection: common?.maxRequestsPerConnection ?? ofCluster ?? 0,
  };
}
