import type { BodyFormat } from './body-format.ts';
import type { HeaderMutations, HeaderToAdd } from './header-mutation.ts';
import type { HeaderMatch } from './matcher.ts';
import type { FractionalPercent, RuntimeFractionalPercent } from './runtime.ts';

/**
 * What is done to requests before they are routed, and to responses on their way out, as far as an in-process client has to do
 * with it. (envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager)
 */
export interface ConnectionManager {
  readonly path: PathRules;
  readonly host: HostRules;
  readonly requestId: RequestIdRules;
  /** Null where nothing is traced: request ids then say nothing of it. (tracing) */
  readonly sampling: SamplingShares | null;
  /** The caller counts as the edge of the mesh, not as one more proxy. (use_remote_address) */
  readonly useRemoteAddress: boolean;
  /** Sends `x-forwarded-port`. (append_x_forwarded_port, which goes with use_remote_address) */
  readonly appendForwardedPort: boolean;
  /** Added to `via` of requests and responses; empty for none. */
  readonly via: string;
  /** Takes the place of the request's scheme; empty to leave it. (scheme_header_transformation.scheme_to_overwrite) */
  readonly scheme: '' | 'http' | 'https';
  /** `x-forwarded-client-cert` of the caller goes on. (forward_client_cert_details: ALWAYS_FORWARD_ONLY) */
  readonly forwardsClientCert: boolean;
  /** Made before anything else is looked at. (early_header_mutation_extensions) */
  readonly earlyMutations: readonly HeaderMutations[];
  readonly limits: HeaderLimits;
  /** Milliseconds without a byte either way after which a call ends; 0 for none; default 5 minutes. */
  readonly streamIdleTimeoutMs: number;
  /** Milliseconds from first to last; 0 for none. (common_http_protocol_options.max_stream_duration) */
  readonly maxStreamDurationMs: number;
  /** Null where local replies stay as they are. */
  readonly localReply: LocalReplyConfig | null;
  /** Fields that this version cannot honour and must not ignore: calls are refused, naming them. */
  readonly unsupported: readonly string[];
}

export interface PathRules {
  /** By RFC 3986, as browsers do it. (normalize_path) */
  readonly normalize: boolean;
  readonly mergeSlashes: boolean;
  /** What becomes of `%2F` and `%5C`. (path_with_escaped_slashes_action) */
  readonly escapedSlashes: 'keep' | 'reject' | 'redirect' | 'forward';
}

export interface HostRules {
  /** Takes the port off the authority: never, where it is the listener's, or always. */
  readonly stripPort: 'never' | 'matching' | 'any';
  readonly stripTrailingDot: boolean;
}

export interface RequestIdRules {
  /** Gives an id to a request that has none. */
  readonly generate: boolean;
  /** Keeps the id of a request that comes from the edge. */
  readonly preserveExternal: boolean;
  readonly alwaysInResponse: boolean;
  /** Writes into the id whether the request is traced. (UuidRequestIdConfig.pack_trace_reason) */
  readonly packTraceReason: boolean;
}

export interface SamplingShares {
  /** Of requests that ask for it by `x-client-trace-id`. */
  readonly client: FractionalPercent;
  readonly random: FractionalPercent;
  /** Of all that would be traced. */
  readonly overall: FractionalPercent;
}

export interface HeaderLimits {
  /** Bytes of names and values. Default 60 KiB. (max_request_headers_kb) */
  readonly maxBytes: number;
  /** Default 100. (common_http_protocol_options.max_headers_count) */
  readonly maxCount: number;
  /** (headers_with_underscores_action) */
  readonly underscores: 'allow' | 'reject' | 'drop';
}

/** envoy.extensions.filters.network.http_connection_manager.v3.LocalReplyConfig */
export interface LocalReplyConfig {
  /** The first that matches counts. */
  readonly mappers: readonly ReplyMapper[];
  /** For all replies whose mapper brings none; null to leave the body. */
  readonly bodyFormat: BodyFormat | null;
}

/** envoy.extensions.filters.network.http_connection_manager.v3.ResponseMapper; null leaves as it is. */
export interface ReplyMapper {
  readonly filter: ReplyFilter;
  readonly status: number | null;
  readonly body: string | null;
  readonly bodyFormat: BodyFormat | null;
  readonly headersToAdd: readonly HeaderToAdd[];
}

/** As far as it can be asked of a local reply. (envoy.config.accesslog.v3.AccessLogFilter) */
export type ReplyFilter =
  | { readonly kind: 'status_code'; readonly compare: StatusComparison }
  | { readonly kind: 'grpc_status'; readonly statuses: readonly number[]; readonly exclude: boolean }
  | { readonly kind: 'header'; readonly match: HeaderMatch }
  /** Empty: any flag at all. */
  | { readonly kind: 'response_flag'; readonly flags: readonly string[] }
  | { readonly kind: 'runtime'; readonly share: RuntimeFractionalPercent; readonly independent: boolean }
  | { readonly kind: 'traceable' }
  /** A call of this process is no health check. */
  | { readonly kind: 'not_health_check' }
  | { readonly kind: 'and' | 'or'; readonly filters: readonly ReplyFilter[] };

/** envoy.config.accesslog.v3.ComparisonFilter */
export interface StatusComparison {
  readonly op: 'eq' | 'ge' | 'le' | 'ne';
  readonly value: number;
  readonly runtimeKey: string;
}

export const CONNECTION_MANAGER_DEFAULTS: ConnectionManager = {
  path: { normalize: false, mergeSlashes: false, escapedSlashes: 'keep' },
  host: { stripPort: 'never', stripTrailingDot: false },
  requestId: { generate: true, preserveExternal: false, alwaysInResponse: false, packTraceReason: true },
  sampling: null,
  useRemoteAddress: false,
  appendForwardedPort: false,
  via: '',
  scheme: '',
  forwardsClientCert: false,
  earlyMutations: [],
  limits: { maxBytes: 60 * 1024, maxCount: 100, underscores: 'allow' },
  streamIdleTimeoutMs: 300_000,
  maxStreamDurationMs: 0,
  localReply: null,
  unsupported: [],
};
