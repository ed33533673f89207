import type {
  Address,
  ClusterConfig,
  ConfigSource,
  Listener,
  Locality,
  Secret,
  SubjectAltNameMatcher,
} from '@inmesh/core';
import type { RuntimeLayerSource } from './layered-runtime.ts';

/** JSON data that is kept as it was written. */
export type JsonObject = { readonly [key: string]: unknown };

/** Who this process is to a control plane. (envoy.config.core.v3.Node) */
export interface NodeIdentity {
  /** Empty only where the bootstrap names no control plane. */
  readonly id: string;
  readonly cluster: string;
  readonly locality: Locality;
  readonly metadata: JsonObject;
}

/** TLS towards a control plane; PEM, from files (read for each connection) or inline. */
export interface TlsServerCredentials {
  readonly kind: 'tls';
  /** Trusted roots; with neither `caFile` nor `ca`, the system's. */
  readonly caFile?: string;
  readonly ca?: string;
  /** Own certificate chain, for mTLS; always together with a key. */
  readonly certFile?: string;
  readonly cert?: string;
  readonly keyFile?: string;
  readonly key?: string;
  /** Name for SNI and the certificate check; default: the host of the server's URI. */
  readonly serverName?: string;
  /** One must fit a name of the certificate; `serverName` is then not looked at there, as in Envoy. Default: `serverName` is. */
  readonly subjectAltNames?: readonly SubjectAltNameMatcher[];
}

export type ServerCredentials = { readonly kind: 'insecure' } | TlsServerCredentials;

/** HTTP/2 PINGs on a connection that has a stream. */
export interface Keepalive {
  /** Milliseconds between two; 0 for none. */
  readonly intervalMs: number;
  /** Milliseconds that one may stay unanswered until the connection counts as dead. */
  readonly timeoutMs: number;
}

/**
 * As gRPC's xDS clients have it in every language: the most often that a gRPC server takes pings when it was told nothing
 * else (others it answers with GOAWAY, ENHANCE_YOUR_CALM). Envoy has none by default, and hangs on to a dead stream.
 */
export const DEFAULT_KEEPALIVE: Keepalive = { intervalMs: 300_000, timeoutMs: 20_000 };

/** A control plane, ready to be dialled. */
export interface XdsServer {
  /** `host:port`, `dns:///host:port`, `ipv4:…`, `ipv6:…`, `unix:path` or `unix:///path`. */
  readonly uri: string;
  readonly credentials: ServerCredentials;
  /** `server_features` of gRPC's bootstrap, such as `xds_v3` and `ignore_resource_deletion`; unknown ones are kept. */
  readonly features: readonly string[];
  /** Metadata sent with each stream, in order. */
  readonly initialMetadata: readonly (readonly [name: string, value: string])[];
  /** How a connection that died without a word is noticed. */
  readonly keepalive: Keepalive;
  /** True for the incremental protocol: `DELTA_GRPC` of Envoy's bootstrap, the server feature `inmesh.delta` of gRPC's. */
  readonly delta: boolean;
  /** `call_creds` of gRPC's bootstrap (gRFC A97), as written; and `google_default`, with its `credentials_file`. */
  readonly callCredentials: readonly JsonObject[];
}

/** An authority of federated names (gRFC A47). */
export interface Authority {
  readonly servers: readonly XdsServer[];
  readonly listenerTemplate: string | null;
}

/** One entry of `certificate_providers` (gRFC A29). */
export interface CertificateProvider {
  readonly plugin: string;
  readonly config: JsonObject;
}

/** How the gRPC services behind a static cluster are dialled, the first address first; or why they cannot be. */
export type GrpcCluster = { readonly servers: readonly XdsServer[] } | { readonly problem: string };

/** What happens to calls whose host is not the mesh's. */
export type OutsideMesh = 'passThrough' | 'refuse';

/** Where the process gets its configuration from and who it is: plain data, whatever file it came from. */
export interface Bootstrap {
  /** The file or variable that it was read from; errors name it. */
  readonly origin: string;
  readonly format: 'grpc' | 'envoy' | 'code';
  readonly node: NodeIdentity;
  /** Control planes in the order of preference; empty where all is static. */
  readonly servers: readonly XdsServer[];
  /** Who is told of the load of all clusters (`cluster_manager.load_stats_config`); null: each cluster's own server, where the cluster asks for it. */
  readonly loadReportServer: XdsServer | null;
  /** Which of the two root types a control plane serves. gRPC's bootstrap: both. */
  readonly dynamic: { readonly listeners: boolean; readonly clusters: boolean };
  readonly staticListeners: readonly Listener[];
  readonly staticClusters: readonly ClusterConfig[];
  readonly staticSecrets: readonly Secret[];
  /** The static clusters, as servers of gRPC that a feed may name: `sds-grpc`. */
  readonly grpcClusters: { readonly [cluster: string]: GrpcCluster };
  /** `layered_runtime`; the last wins. */
  readonly runtimeLayers: readonly RuntimeLayerSource[];
  /** The static resources as a source; null where there are none. */
  readonly staticSource: ConfigSource | null;
  /** `admin.address`; null for no admin server. */
  readonly admin: Address | null;
  /** `client_default_listener_resource_name_template`: the listener's name for an authority, which stands for `%s`. Default `%s`. */
  readonly listenerTemplate: string;
  /** `server_listener_resource_name_template`; null where servers cannot be configured. */
  readonly serverListenerTemplate: string | null;
  readonly authorities: { readonly [name: string]: Authority };
  readonly certificateProviders: { readonly [instance: string]: CertificateProvider };
  /** Patterns of hosts that belong to the mesh, beside the default ones. */
  readonly meshDomains: readonly string[];
  readonly outsideMesh: OutsideMesh;
  /** How the control plane lays out its feed; `auto` goes by the bootstrap. */
  readonly flavour: 'auto' | 'grpc' | 'sidecar' | 'consul';
  /** Where the feed is remembered over a restart; null for nowhere. */
  readonly stateDirectory: string | null;
  /** Where the processes of a host meet that share one stream; null for nowhere. */
  readonly broker: string | null;
  /** What was read and has no effect. */
  readonly warnings: readonly string[];
}

export const NO_LOCALITY: Locality = { region: '', zone: '', subZone: '' };

/** A bootstrap that says nothing; each reader fills in what its file has. */
export const EMPTY_BOOTSTRAP: Bootstrap = {
  origin: '',
  format: 'code',
  node: { id: '', cluster: '', locality: NO_LOCALITY, metadata: {} },
  servers: [],
  loadReportServer: null,
  dynamic: { listeners: false, clusters: false },
  staticListeners: [],
  staticClusters: [],
  staticSecrets: [],
  grpcClusters: {},
  runtimeLayers: [],
  staticSource: null,
  admin: null,
  listenerTemplate: '%s',
  serverListenerTemplate: null,
  authorities: {},
  certificateProviders: {},
  meshDomains: [],
  outsideMesh: 'passThrough',
  flavour: 'auto',
  stateDirectory: null,
  broker: null,
  warnings: [],
};
