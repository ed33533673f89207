import type { Cluster } from '@inmesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import type { DataSource } from '@inmesh/api/gen/envoy/config/core/v3/base_pb';
import type { ApiConfigSource } from '@inmesh/api/gen/envoy/config/core/v3/config_source_pb';
import type { GrpcService, GrpcService_GoogleGrpc } from '@inmesh/api/gen/envoy/config/core/v3/grpc_service_pb';
import type { CertificateValidationContext } from '@inmesh/api/gen/envoy/extensions/transport_sockets/tls/v3/common_pb';
import type { UpstreamTlsContext } from '@inmesh/api/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb';
import type { HttpProtocolOptions } from '@inmesh/api/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb';
import { type Address, addressText, type SubjectAltNameMatcher } from '@inmesh/core';
import {
  type Decoding,
  decodeValidationContext,
  enumName,
  holds,
  milliseconds,
  otherFields,
  Refusal,
  readAssignment,
  requireRegex,
  unpack,
} from '../decode/index.ts';
import {
  DEFAULT_KEEPALIVE,
  type GrpcCluster,
  type Keepalive,
  type ServerCredentials,
  type TlsServerCredentials,
  type XdsServer,
} from './bootstrap.ts';
import { uriProblem } from './server-uri.ts';

const PROTOCOL_OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
const RAW_BUFFER = 'envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer';
const UPSTREAM_TLS = 'envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext';

/** Parts of a validation context that are honoured, or that make the check no weaker when left out. */
const VALIDATION_FIELDS: ReadonlySet<string> = new Set([
  'trusted_ca',
  'system_root_certs',
  'watched_directory',
  'match_typed_subject_alt_names',
  'match_subject_alt_names',
  'allow_expired_certificate',
  'max_verify_depth',
  'suppress_client_ca_list',
]);

/** The control planes of `ads_config`, one for each address, in order. Refuses with the field inside `ads_config`. */
export function readAdsServers(
  decoding: Decoding,
  config: ApiConfigSource,
  clusterOf: (name: string) => Cluster | undefined,
): XdsServer[] {
  const apiType = enumName('envoy.config.core.v3.ApiConfigSource.ApiType', config.apiType);
  if (!apiType.endsWith('GRPC'))
    throw new Refusal('api_type', `${apiType} is not served by ADS: it must be GRPC or DELTA_GRPC`);
  const delta = apiType.includes('DELTA');
  if (config.grpcServices.length === 0) throw new Refusal('grpc_services', 'value must contain at least 1 item(s)');
  return config.grpcServices.flatMap((service, index) =>
    readService(decoding, service, clusterOf, `grpc_services[${index}]`).map(
      (server): XdsServer => ({
        ...server,
        features: [],
        initialMetadata: service.initialMetadata.map(({ key, value, rawValue }) => [
          key,
          rawValue.length > 0 ? new TextDecoder().decode(rawValue) : value,
        ]),
        delta,
        callCredentials: [],
      }),
    ),
  );
}

/** A static cluster as servers of gRPC. */
export function readGrpcCluster(decoding: Decoding, cluster: Cluster): GrpcCluster {
  try {
    const servers = dialCluster(decoding, cluster, 'static_resources.clusters');
    return { servers: servers.map((dial) => ({ ...PLAIN_SERVER, ...dial })) };
  } catch (error) {
    return { problem: (error as Error).message };
  }
}

const PLAIN_SERVER: Omit<XdsServer, keyof Dial> = {
  features: [],
  initialMetadata: [],
  delta: false,
  callCredentials: [],
};

type Dial = Pick<XdsServer, 'uri' | 'credentials' | 'keepalive'>;

function readService(
  decoding: Decoding,
  service: GrpcService,
  clusterOf: (name: string) => Cluster | undefined,
  field: string,
): Dial[] {
  const target = service.targetSpecifier;
  if (target.case === 'googleGrpc') return [readGoogleGrpc(target.value, `${field}.google_grpc`)];
  const name = target.case === 'envoyGrpc' ? target.value.clusterName : '';
  const place = `${field}.envoy_grpc.cluster_name`;
  const cluster = clusterOf(name);
  if (cluster === undefined) {
    throw new Refusal(place, `cluster "${name}" is not defined: add it to static_resources.clusters`);
  }
  return dialCluster(decoding, cluster, place);
}

function dialCluster(decoding: Decoding, cluster: Cluster, place: string): Dial[] {
  const credentials = readTransport(decoding, cluster, place);
  const keepalive = readKeepalive(decoding, cluster, place);
  const assignment = cluster.loadAssignment && readAssignment(cluster.loadAssignment, place, 'name');
  const endpoints = assignment?.localities.flatMap((locality) => locality.endpoints) ?? [];
  if (endpoints.length === 0) {
    throw new Refusal(place, `cluster "${cluster.name}" has no address: give it a load_assignment`);
  }
  return endpoints.map(({ address }) => ({ uri: uriOf(address), credentials, keepalive }));
}

function uriOf(address: Address): string {
  return address.kind === 'pipe' && address.path.startsWith('/') ? `unix://${address.path}` : addressText(address);
}

function readGoogleGrpc(service: GrpcService_GoogleGrpc, field: string): Dial {
  const fault = uriProblem(service.targetUri);
  if (fault !== null) throw new Refusal(`${field}.target_uri`, `${fault.problem}: ${fault.remedy}`);
  const specifier = service.channelCredentials?.credentialSpecifier;
  if (specifier?.case === 'googleDefault') {
    throw new Refusal(`${field}.channel_credentials.google_default`, 'is not supported: use ssl_credentials');
  }
  if (service.callCredentials.length > 0) {
    throw new Refusal(`${field}.call_credentials`, 'is not supported: give what is sent as initial_metadata');
  }
  const place = `${field}.channel_credentials.ssl_credentials`;
  const credentials: ServerCredentials =
    specifier?.case !== 'sslCredentials'
      ? { kind: 'insecure' }
      : {
          kind: 'tls',
          ...readSource(specifier.value.rootCerts, 'ca', `${place}.root_certs`),
          ...readSource(specifier.value.certChain, 'cert', `${place}.cert_chain`),
          ...readSource(specifier.value.privateKey, 'key', `${place}.private_key`),
        };
  return { uri: service.targetUri, credentials, keepalive: DEFAULT_KEEPALIVE };
}

/** No transport socket means plain text; any but TLS is refused. */
function readTransport(decoding: Decoding, cluster: Cluster, field: string): ServerCredentials {
  if (cluster.transportSocketMatches.length > 0) {
    throw new Refusal(
      field,
      `cluster "${cluster.name}" has transport_socket_matches: a control plane needs one transport_socket`,
    );
  }
  const any = cluster.transportSocket?.configType.value;
  if (cluster.transportSocket === undefined || holds(any, RAW_BUFFER)) return { kind: 'insecure' };
  if (!holds(any, UPSTREAM_TLS)) {
    throw new Refusal(field, `cluster "${cluster.name}" has a transport_socket that is not supported: use TLS or none`);
  }
  return readTls(unpack<UpstreamTlsContext>(decoding, any, UPSTREAM_TLS, field), cluster.name, field, decoding);
}

function readTls(tls: UpstreamTlsContext, cluster: string, field: string, decoding: Decoding): TlsServerCredentials {
  const common = tls.commonTlsContext;
  const refuse = (what: string): Refusal =>
    new Refusal(
      field,
      `cluster "${cluster}" has ${what}, which is not supported for a control plane: give certificates as files or inline`,
    );
  if (common !== undefined && common.tlsCertificateSdsSecretConfigs.length > 0)
    throw refuse('tls_certificate_sds_secret_configs');
  const context = common?.validationContextType;
  if (context?.case !== undefined && context.case !== 'validationContext')
    throw refuse('a validation context that is not its own');
  const validation = context?.value as CertificateValidationContext | undefined;
  const others = validation === undefined ? [] : otherFields(validation, VALIDATION_FIELDS);
  if (others.length > 0) throw refuse(others.join(', '));
  const own = common?.tlsCertificates[0];
  const names = subjectAltNames(decoding, validation, field);
  return {
    kind: 'tls',
    ...readSource(validation?.trustedCa, 'ca', field),
    ...readSource(own?.certificateChain, 'cert', field),
    ...readSource(own?.privateKey, 'key', field),
    ...(tls.sni !== '' && { serverName: tls.sni }),
    ...(names.length > 0 && { subjectAltNames: names }),
  };
}

function subjectAltNames(
  decoding: Decoding,
  validation: CertificateValidationContext | undefined,
  field: string,
): readonly SubjectAltNameMatcher[] {
  const matchers = validation === undefined ? [] : decodeValidationContext(validation, field).subjectAltNames;
  for (const { match, value } of matchers) if (match === 'safe_regex') requireRegex(decoding, value, field);
  return matchers;
}

type Source<N extends string> = { readonly [K in N | `${N}File`]?: string };

function readSource<N extends 'ca' | 'cert' | 'key'>(
  source: DataSource | undefined,
  name: N,
  field: string,
): Source<N> {
  const specifier = source?.specifier;
  const given = (key: N | `${N}File`, value: string): Source<N> => ({ [key]: value }) as Source<N>;
  switch (specifier?.case) {
    case undefined:
      return {};
    case 'filename':
      return given(`${name}File`, specifier.value);
    case 'inlineString':
      return given(name, specifier.value);
    case 'inlineBytes':
      return given(name, new TextDecoder().decode(specifier.value));
    case 'environmentVariable':
      throw new Refusal(field, `environment_variable ${specifier.value} is not supported: use filename`);
  }
}

function readKeepalive(decoding: Decoding, cluster: Cluster, field: string): Keepalive {
  const any = cluster.typedExtensionProtocolOptions[PROTOCOL_OPTIONS];
  let http2 = cluster.http2ProtocolOptions;
  if (any !== undefined) {
    const options = unpack<HttpProtocolOptions>(decoding, any, PROTOCOL_OPTIONS, field).upstreamProtocolOptions;
    const explicit = options.case === 'explicitHttpConfig' ? options.value.protocolConfig : undefined;
    if (explicit?.case === 'http2ProtocolOptions') http2 = explicit.value;
  }
  const { interval, timeout } = http2?.connectionKeepalive ?? {};
  if (interval === undefined || timeout === undefined) return DEFAULT_KEEPALIVE;
  return { intervalMs: milliseconds(interval), timeoutMs: milliseconds(timeout) };
}
