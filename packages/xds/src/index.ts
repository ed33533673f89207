export { AdsClient } from './ads/client.ts';
export type { AdsClientOptions, AdsServerOptions } from './ads/client-options.ts';
export type { CollectionWatcher } from './ads/collection.ts';
export { Federation, type FederationOptions, type LeasedSource } from './ads/federation.ts';
export type { MassRemovalOptions } from './ads/mass-removal.ts';
export type { AdsNode } from './ads/node.ts';
export type { KeptResource, ResourceMemory } from './ads/resource-memory.ts';
export {
  type DecodeContext,
  type Decoded,
  nameInFieldOne,
  type ResourceType,
  type ResourceTypes,
} from './ads/resource-type.ts';
export type { KnownResource, SecondHand, Verdict } from './ads/second-hand.ts';
export { secretStreams } from './ads/secret-streams.ts';
export type {
  AdsStats,
  AdsStatus,
  AdsStreamState,
  AdsStreamStatus,
  AdsVariant,
  ControlPlaneStats,
  ResourceContent,
  ResourceStatus,
  ResourceStatusState,
  ResourceTypeStats,
} from './ads/status.ts';
export type {
  AdsStream,
  AdsStreamEvents,
  AdsStreamOptions,
  OpenAdsStream,
  ServerProblem,
  Update,
  UpdatedResource,
} from './ads/stream.ts';
export {
  type Authority,
  type Bootstrap,
  type BootstrapOptions,
  type CertificateProvider,
  type GrpcCluster,
  type JsonObject,
  type LoadBootstrapOptions,
  loadBootstrap,
  type NodeIdentity,
  type OutsideMesh,
  type RuntimeLayerSource,
  type ServerCredentials,
  type ServerOptions,
  staticSource,
  type TlsServerCredentials,
  type XdsServer,
} from './bootstrap/index.ts';
export type { StaticResource } from './csds/client-config.ts';
export {
  type ClientConfigSource,
  ClientStatus,
  type ClientStatusJson,
  type StatusRefusal,
} from './csds/client-status.ts';
export {
  type DecodeProfile,
  type Decoding,
  type DecodingOptions,
  decodeCluster,
  decodeConfigDiscovery,
  decodeListener,
  decodeLoadAssignment,
  decodeRouteConfiguration,
  decodeTlsCertificate,
  decodeValidationContext,
  filterTypes,
  httpFilters,
  newDecoding,
  Refusal,
  readExtensionConfig,
  readSecretsFile,
  resourceTypes,
} from './decode/index.ts';
export {
  type ChosenFlavour,
  chooseFlavour,
  type Flavour,
  type FlavourInForce,
  type FlavourOption,
  type IstioNodeOptions,
  type IstioOptions,
  type IstioSurroundings,
  istioNode,
  istioSecurity,
  istioServer,
  type KnownListener,
  type ListenerMemory,
  lacksOf,
  nodeDnsDomain,
  peerIdentity,
  WholeFeed,
  type WholeFeedOptions,
  type WholeTypes,
  WildcardFinder,
  type WildcardFinderOptions,
} from './flavour/index.ts';
export { Join, type JoinOptions } from './join/join.ts';
export type { JoinedAuthority } from './join/joined-authority.ts';
export { type ListenerFinder, type ListenerWatcher, listenersByName } from './join/listener-finder.ts';
export { clusterNames } from './join/route-clusters.ts';
export type { ServiceMemory } from './join/service-memory.ts';
export { TcpJoin } from './join/tcp-join.ts';
export { allKinds, type KindTraits, kinds } from './kinds.ts';
export { LoadReporter, type LoadReporterOptions, type LoadReporterStats } from './load-report/load-reporter.ts';
export { readOrca } from './load-report/orca.ts';
export { re2 } from './regex/re2.ts';
export { readRouteLookup, writeRouteLookup } from './route-lookup/messages.ts';
export { type FollowDisk, RuntimeFeed, type RuntimeFeedOptions } from './runtime/runtime-feed.ts';
export { type AcceptGuest, FeedHost, type FeedHostOptions } from './share/feed-host.ts';
export type { FeedWay } from './share/guest-stream.ts';
export { type FeedSeeker, sharedStreams } from './share/shared-stream.ts';
export { FeedStore, type FeedStoreOptions } from './store/feed-store.ts';
export type { StoredService } from './store/format.ts';
export { OutsideMemory } from './store/outside-memory.ts';
export type { StateFiles } from './store/state-files.ts';
export {
  type DecodeMessageOptions,
  type DocumentPath,
  decodeMessage,
  type Position,
  parseText,
  pathText,
  type TextDocument,
  type TextErrorOptions,
  textError,
  wrapUnknownTypes,
} from './text/index.ts';
export { type StructuralValidator, structuralValidator, type Violation } from './validate/index.ts';
