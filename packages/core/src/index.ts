// What an application and the front door use.
export { type Body, type BodyReader, BytesBody, StreamBody, type StreamBodyOptions } from './body.ts';
export { Call, type CallContext, type DynamicMetadata, type Head } from './call.ts';
export { Cluster, type ClusterParts } from './cluster/cluster.ts';
export { type ClusterFollower, type ClusterHandle, Clusters, type ClustersParts } from './cluster/clusters.ts';
export type {
  ClusterTransport,
  ConnectError,
  Connecting,
  Connection,
  ConnectionEnd,
  ConnectionEvents,
  Connector,
  TlsFacts,
  TlsFailure,
  TransportEvents,
} from './cluster/connection.ts';
export { type ConnectionKey, type ExpectedNames, PLAIN_KEY } from './cluster/connection-key.ts';
export { Endpoint } from './cluster/endpoint.ts';
export type { CircuitBreakerStats } from './cluster/limits.ts';
export { noConnector } from './cluster/no-connector.ts';
export { offeredAlpn } from './cluster/offered-alpn.ts';
export { leavesMesh } from './cluster/original-destination.ts';
export { ClusterStats, EndpointStats, RouteStats } from './cluster/stats.ts';
export { secretsOf, socketsOf, tlsOf } from './cluster/transport-sockets.ts';
export type {
  ConfigSource,
  Kind,
  Model,
  ResolveOptions,
  Resolver,
  Unwatch,
  Watcher,
} from './config-source.ts';
export { Controller, type Holder } from './controller.ts';
export type { AuthorityEntry, Directory } from './directory.ts';
export { compose, type Dispatch, type Handler, type Layer, PassHandler } from './dispatch.ts';
export { isMeshError, MeshError, type MeshErrorCode, type MeshErrorOptions, type MeshErrorPlace } from './errors.ts';
export { type AlpnConfig, AlpnFilter, alpn } from './filters/alpn.ts';
export { type BufferConfig, buffer } from './filters/buffer.ts';
export { type ChainEntry, type FilterState, HttpFilterChain } from './filters/chain.ts';
export { FilterCompiler, type FilterCompilerParts, type FilterTypes } from './filters/compile.ts';
export { composite } from './filters/composite/composite.ts';
export {
  type EmbeddedFilter,
  type MatchAction,
  type MatchedFilterConfig,
  MatcherOverride,
} from './filters/composite/config.ts';
export { cors } from './filters/cors/cors.ts';
export { type CsrfPolicy, csrf } from './filters/csrf.ts';
export { FAULT_RUNTIME_KEYS, type FaultConfig } from './filters/fault/config.ts';
export { fault } from './filters/fault/fault.ts';
export {
  type FilterCallbacks,
  type FilterEnvironment,
  type FilterFactory,
  type FilterReply,
  type FilterResponse,
  type FilterStats,
  type FilterStatus,
  type FilterType,
  type HttpFilter,
  newFilterStats,
  type PeerIdentity,
} from './filters/filter.ts';
export {
  type HeaderMutationConfig,
  type HeaderMutationLevel,
  type HeaderOperation,
  headerMutation,
} from './filters/header-mutation.ts';
export {
  type HeaderToMetadataConfig,
  headerToMetadata,
  type MetadataRule,
  type MetadataTarget,
} from './filters/header-to-metadata.ts';
export type { DescriptorAction, LocalRateLimitConfig } from './filters/local-ratelimit/config.ts';
export { localRateLimit } from './filters/local-ratelimit/local-ratelimit.ts';
export { asFilterType, type OwnFilter } from './filters/own-filter.ts';
export { type PeerMetadataConfig, peerMetadata } from './filters/peer-metadata.ts';
export type { QueryMutation } from './filters/query-mutation.ts';
export type { RbacAction, RbacConfig, RbacPolicy, RbacRule, RbacRules, RbacVerdict } from './filters/rbac/config.ts';
export { rbac } from './filters/rbac/rbac.ts';
export { type MetadataEntry, type SetMetadataConfig, setMetadata } from './filters/set-metadata.ts';
export type { SessionStateConfig, StatefulSessionConfig } from './filters/stateful-session/config.ts';
export { statefulSession } from './filters/stateful-session/stateful-session.ts';
export { compileBodyFormat } from './format/body-format.ts';
export { compileFormat, type Format } from './format/format.ts';
export { FormatError } from './format/piece.ts';
export { type FlatHeaders, type HeaderRecord, Headers } from './headers.ts';
export type { ClusterLoad } from './load/cluster-load.ts';
export type { ClusterSums, EndpointSums, LoadSums, LocalitySums, MetricSum } from './load/load-sums.ts';
export type { OrcaCodec, OrcaReport } from './load/orca.ts';
export type { LookupAnswer } from './lookup/lookup-cache.ts';
export type { LookupService, RouteLookupRequest } from './lookup/route-lookup.ts';
export { type RouteLookupHandle, RouteLookups, type RouteLookupsParts } from './lookup/route-lookups.ts';
export { normalizedAuthority } from './manager/host.ts';
export { type Ip, parseIp } from './match/ip.ts';
export { UriTemplateError, uriTemplatePattern } from './match/uri-template.ts';
export { uriTemplateRewriter } from './match/uri-template-rewrite.ts';
export * from './model/index.ts';
export { type OutboundParts, outbound } from './outbound.ts';
export type { CallOverrides, EndpointWish } from './overrides/call-overrides.ts';
export { RetryBudget, type RetryBudgetOptions } from './resilience/budget.ts';
export type { ClusterChoice, ClusterShare } from './router/cluster-share.ts';
export type { ClusterSpecifier } from './router/cluster-specifier.ts';
export { mirrorPolicies } from './router/compile-mirrors.ts';
export { VirtualHostIndex, withoutPort } from './router/domains.ts';
export type { RouteEntry } from './router/route-entry.ts';
export { RouteTable, type RouteTableParts } from './router/route-table.ts';
export { Runtime } from './runtime/runtime.ts';
export { flattenRuntime, RuntimeValueError, runtimeValue } from './runtime/runtime-value.ts';
export type {
  MessageStream,
  RpcStream,
  RpcTransport,
  StreamHandlers,
  StreamStatus,
  StreamTransport,
} from './stream-transport.ts';
export { matchChain, type TcpDestination } from './tcp/chain-match.ts';
export type { TcpDirectory, TcpEntry, TcpWay } from './tcp/tcp-directory.ts';
export { type TcpParts, type TcpSession, type TcpSessionEvents, TcpSessions } from './tcp/tcp-session.ts';
export { TcpStats } from './tcp/tcp-stats.ts';
export { MeshStats } from './telemetry/observe.ts';
export { compileSubjectAltNames, namesInclude, type SubjectAltName } from './tls/subject-alt-names.ts';
export { Backoff, type BackoffOptions } from './util/backoff.ts';
export { type Clock, systemClock, type Timer } from './util/clock.ts';
export { outsideContext, thisContext } from './util/outside.ts';
export { type Random, seededRandom, systemRandom } from './util/random.ts';
export { noRegex, type Regex, type RegexEngine, RegexError } from './util/regex.ts';
export { TimerWheel } from './util/timer-wheel.ts';
export type { TokenBucketConfig } from './util/token-bucket.ts';
export { VirtualClock } from './util/virtual-clock.ts';
