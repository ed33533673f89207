import type { Address, Metadata } from './endpoint.ts';
import type { CertificateValidationContext, TlsCertificate } from './secret.ts';

/** What stands between TCP and HTTP towards a host. (envoy.config.core.v3.TransportSocket) */
export type TransportSocketConfig =
  | { readonly kind: 'raw_buffer' }
  | { readonly kind: 'tls'; readonly context: UpstreamTlsContext }
  | UpstreamProxyProtocol
  /** Connects by way of an HTTP proxy, with CONNECT. (Http11ProxyUpstreamTransport) `defaultProxy`: where the host's metadata names none. */
  | { readonly kind: 'http_11_proxy'; readonly inner: TransportSocketConfig; readonly defaultProxy: Address | null }
  /** What this version cannot do: a connection that needs it is refused, never made otherwise. `fields` are those of the cluster. */
  | { readonly kind: 'unsupported'; readonly fields: readonly string[] };

/** Tells the host whose connection it is, before anything else. (ProxyProtocolUpstreamTransport) */
export interface UpstreamProxyProtocol {
  readonly kind: 'upstream_proxy_protocol';
  readonly version: 'v1' | 'v2';
  /** Values of version 2 beside the addresses. */
  readonly tlvs: readonly { readonly type: number; readonly value: Uint8Array }[];
  readonly inner: TransportSocketConfig;
}

/** How a client speaks TLS. (envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext) */
export interface UpstreamTlsContext {
  readonly common: CommonTlsContext;
  /** Empty: the name of no server is told. */
  readonly sni: string;
  /** The host's `hostname` is the server name, where there is one. */
  readonly autoHostSni: boolean;
  /** The server name that was told must be among the names of the certificate. */
  readonly autoSniSanValidation: boolean;
  /** Plays no part: another handshake on a connection is always refused. */
  readonly allowRenegotiation: boolean;
  /** Sessions that Envoy keeps to resume; default 1, 0 for none. Plays no part: none is resumed here. */
  readonly maxSessionKeys: number;
}

export type TlsVersion = 'TLSv1.0' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';

/** envoy.extensions.transport_sockets.tls.v3.CommonTlsContext */
export interface CommonTlsContext {
  /** Null: the default, which is 1.2 for clients, as Envoy's. */
  readonly minVersion: TlsVersion | null;
  /** Null: the default. Envoy's is 1.2 for clients and 1.3 for servers. */
  readonly maxVersion: TlsVersion | null;
  /** In OpenSSL's words, `[a|b]` for equal preference; empty for the default. */
  readonly cipherSuites: readonly string[];
  /** Empty for the default. */
  readonly ecdhCurves: readonly string[];
  /** Empty for the default. */
  readonly signatureAlgorithms: readonly string[];
  /** Who we are; empty for nobody. */
  readonly certificates: readonly CertificateRef[];
  /** Whom we trust; null: anybody. */
  readonly validation: ValidationRef | null;
  /** Empty: those of the protocol that is chosen. */
  readonly alpnProtocols: readonly string[];
}

/** Where an identity comes from. */
export type CertificateRef =
  | { readonly kind: 'inline'; readonly certificate: TlsCertificate }
  | { readonly kind: 'sds'; readonly secret: SdsSecretRef }
  | { readonly kind: 'provider'; readonly instanceName: string; readonly certificateName: string };

/** Rules for the peer: those of the feed, and the roots (or all of it) from elsewhere. (`validation_context_type`) */
export interface ValidationRef {
  /** Null where a secret has all of it. */
  readonly context: CertificateValidationContext | null;
  /** Combined with `context` where both are there: what the secret says is added to it, and wins. */
  readonly secret: SdsSecretRef | null;
  /** Roots by a provider of the bootstrap. (deprecated fields and `ca_certificate_provider_instance`) */
  readonly provider: { readonly instanceName: string; readonly certificateName: string } | null;
}

/** envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig */
export interface SdsSecretRef {
  readonly name: string;
  readonly source: SdsSource;
  /** Milliseconds until a first answer counts as none; 15,000 by default, 0 waits for ever. (initial_fetch_timeout) */
  readonly initialFetchTimeoutMs: number;
}

/** Where secrets are asked for. (envoy.config.core.v3.ConfigSource) */
export type SdsSource =
  /** A static secret of the bootstrap. */
  | { readonly kind: 'static' }
  /** The ADS stream, or the server that the cluster came from. */
  | { readonly kind: 'ads' }
  /** A gRPC service behind a cluster of the bootstrap, such as `sds-grpc`; `delta`: it is asked in the incremental variant. */
  | { readonly kind: 'grpc'; readonly clusterName: string; readonly delta: boolean }
  | { readonly kind: 'google_grpc'; readonly targetUri: string; readonly delta: boolean }
  | { readonly kind: 'path'; readonly path: string; readonly watchedDirectory: string | null };

/** The transport sockets of a cluster. */
export interface TransportConfig {
  readonly socket: TransportSocketConfig;
  /** The first one whose criteria the host's metadata (`envoy.transport_socket_match`) meets is used instead. */
  readonly matches: readonly TransportSocketMatch[];
}

/** envoy.config.cluster.v3.Cluster.TransportSocketMatch */
export interface TransportSocketMatch {
  readonly name: string;
  /** Every key must be there and equal; none fits every host. */
  readonly criteria: Metadata[string];
  readonly socket: TransportSocketConfig;
}

export const PLAIN_TRANSPORT: TransportConfig = { socket: { kind: 'raw_buffer' }, matches: [] };
