import type { HttpProtocolOptions } from '@inmesh/api/gen/envoy/config/core/v3/protocol_pb';
import type {
  HttpConnectionManager as ProtoManager,
  HttpConnectionManager_Tracing as ProtoTracing,
} from '@inmesh/api/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import type { HeaderMutation as EarlyHeaderMutation } from '@inmesh/api/gen/envoy/extensions/http/early_header_mutation/header_mutation/v3/header_mutation_pb';
import type { UuidRequestIdConfig } from '@inmesh/api/gen/envoy/extensions/request_id/uuid/v3/uuid_pb';
import {
  CONNECTION_MANAGER_DEFAULTS,
  type ConnectionManager,
  type FractionalPercent,
  type HeaderMutations,
  type SamplingShares,
} from '@inmesh/core';
import { type Decoding, enumName, holds, milliseconds, otherFields, Refusal, unpack } from './decoding.ts';
import { decodeHeaderMutation } from './header-mutation.ts';
import { decodeLocalReplies } from './local-reply.ts';

const MANAGER = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const EARLY = 'envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation';
const UUID = 'envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig';
const DEFAULTS = CONNECTION_MANAGER_DEFAULTS;

/** Fields that this version honours, here or where routes and filters are read. */
const HONOURED: readonly string[] = [
  'stat_prefix',
  'rds',
  'route_config',
  'scoped_routes',
  'http_filters',
  'upgrade_configs',
  'add_user_agent',
  'tracing',
  'common_http_protocol_options',
  'scheme_header_transformation',
  'max_request_headers_kb',
  'stream_idle_timeout',
  'use_remote_address',
  'early_header_mutation_extensions',
  'via',
  'generate_request_id',
  'preserve_external_request_id',
  'always_set_request_id_in_response',
  'forward_client_cert_details',
  'normalize_path',
  'merge_slashes',
  'path_with_escaped_slashes_action',
  'request_id_extension',
  'local_reply_config',
  'strip_matching_host_port',
  'strip_any_host_port',
  'strip_trailing_host_dot',
  'append_x_forwarded_port',
];
/** Fields about the connection from an application to its sidecar, about logs, or about the proxy itself: no call is decided by them here. */
const WITHOUT_EFFECT: readonly string[] = [
  'codec_type',
  'http_protocol_options',
  'http2_protocol_options',
  'http3_protocol_options',
  'http1_safe_max_connection_duration',
  'server_name',
  'server_header_transformation',
  'stream_flush_timeout',
  'request_timeout',
  'request_headers_timeout',
  'drain_timeout',
  'drain_timeout_jitter',
  'delayed_close_timeout',
  'access_log',
  'access_log_flush_interval',
  'flush_access_log_on_new_request',
  'access_log_options',
  'xff_num_trusted_hops',
  'internal_address_config',
  'skip_xff_append',
  'set_current_client_cert_details',
  'proxy_100_continue',
  'represent_ipv4_remote_address_as_ipv4_mapped_ipv6',
  'stream_error_on_invalid_http_message',
  'proxy_status_config',
  'append_local_overload',
  'add_proxy_protocol_connection_state',
  'record_route_resolution_stats',
];
const KNOWN_FIELDS: ReadonlySet<string> = new Set([...HONOURED, ...WITHOUT_EFFECT]);

/**
 * What a manager does beside routing. Of the rest most concerns the connection from the application to its sidecar, which there is
 * none of in process (`test/twin/differences.md`); what would decide calls otherwise is listed in `unsupported`.
 */
export function decodeConnectionManager(decoding: Decoding, message: ProtoManager, field: string): ConnectionManager {
  const unsupported = otherFields(message, KNOWN_FIELDS);
  if (message.addUserAgent === true) unsupported.push('add_user_agent');
  if (message.stripMatchingHostPort && message.stripPortMode.value === true) {
    throw new Refusal(field, 'Cannot set both `strip_matching_host_port` and `strip_any_host_port`.');
  }
  const common = message.commonHttpProtocolOptions;
  const scheme = message.schemeHeaderTransformation?.transformation.value ?? '';
  const kilobytes = message.maxRequestHeadersKb;
  return {
    path: {
      normalize: message.normalizePath === true,
      mergeSlashes: message.mergeSlashes,
      escapedSlashes: escapedSlashes(message),
    },
    host: {
      stripPort: message.stripPortMode.value === true ? 'any' : message.stripMatchingHostPort ? 'matching' : 'never',
      stripTrailingDot: message.stripTrailingHostDot,
    },
    requestId: {
      generate: message.generateRequestId !== false,
      preserveExternal: message.preserveExternalRequestId,
      alwaysInResponse: message.alwaysSetRequestIdInResponse,
      packTraceReason: packsTraceReason(decoding, message, unsupported, field),
    },
    sampling: message.tracing === undefined ? null : decodeSampling(message.tracing),
    useRemoteAddress: message.useRemoteAddress === true,
    appendForwardedPort: message.appendXForwardedPort,
    via: message.via,
    scheme: scheme === 'http' || scheme === 'https' ? scheme : '',
    forwardsClientCert:
      enumName(`${MANAGER}.ForwardClientCertDetails`, message.forwardClientCertDetails) === 'ALWAYS_FORWARD_ONLY',
    earlyMutations: decodeEarlyMutations(decoding, message, unsupported, field),
    limits: {
      maxBytes: kilobytes === undefined ? DEFAULTS.limits.maxBytes : kilobytes * 1024,
      maxCount: common?.maxHeadersCount ?? DEFAULTS.limits.maxCount,
      underscores: underscores(common),
    },
    streamIdleTimeoutMs:
      message.streamIdleTimeout === undefined ? DEFAULTS.streamIdleTimeoutMs : milliseconds(message.streamIdleTimeout),
    maxStreamDurationMs: common?.maxStreamDuration === undefined ? 0 : milliseconds(common.maxStreamDuration),
    localReply: decodeLocalReplies(decoding, message.localReplyConfig, unsupported, `${field}.local_reply_config`),
    unsupported,
  };
}

function escapedSlashes({
  pathWithEscapedSlashesAction: action,
}: ProtoManager): ConnectionManager['path']['escapedSlashes'] {
  switch (enumName(`${MANAGER}.PathWithEscapedSlashesAction`, action)) {
    case 'REJECT_REQUEST':
      return 'reject';
    case 'UNESCAPE_AND_REDIRECT':
      return 'redirect';
    case 'UNESCAPE_AND_FORWARD':
      return 'forward';
    default:
      return 'keep';
  }
}

function underscores(options: HttpProtocolOptions | undefined): ConnectionManager['limits']['underscores'] {
  const type = 'envoy.config.core.v3.HttpProtocolOptions.HeadersWithUnderscoresAction';
  const name = enumName(type, options?.headersWithUnderscoresAction ?? 0);
  return name === 'REJECT_REQUEST' ? 'reject' : name === 'DROP_HEADER' ? 'drop' : 'allow';
}

/** Envoy counts in ten thousandths, but for the share of clients. */
function decodeSampling({ clientSampling, randomSampling, overallSampling }: ProtoTracing): SamplingShares {
  return {
    client: { numerator: Math.floor(clientSampling?.value ?? 100), denominator: 100 },
    random: tenThousandths(randomSampling?.value),
    overall: tenThousandths(overallSampling?.value),
  };
}

function tenThousandths(percent = 100): FractionalPercent {
  return { numerator: Math.round(percent * 100), denominator: 10_000 };
}

function packsTraceReason(
  decoding: Decoding,
  { requestIdExtension: extension }: ProtoManager,
  unsupported: string[],
  field: string,
): boolean {
  const any = extension?.typedConfig;
  if (any === undefined) return true;
  if (!holds(any, UUID)) {
    unsupported.push('request_id_extension');
    return true;
  }
  const place = `${field}.request_id_extension.typed_config`;
  return unpack<UuidRequestIdConfig>(decoding, any, UUID, place).packTraceReason !== false;
}

function decodeEarlyMutations(
  decoding: Decoding,
  { earlyHeaderMutationExtensions: extensions }: ProtoManager,
  unsupported: string[],
  field: string,
): HeaderMutations[] {
  return extensions.flatMap(({ typedConfig }, index) => {
    const place = `early_header_mutation_extensions[${index}].typed_config`;
    if (!holds(typedConfig, EARLY)) {
      unsupported.push(place);
      return [];
    }
    const { mutations } = unpack<EarlyHeaderMutation>(decoding, typedConfig, EARLY, `${field}.${place}`);
    return mutations.map((each, at) => decodeHeaderMutation(each, `${field}.${place}.mutations[${at}]`));
  });
}
