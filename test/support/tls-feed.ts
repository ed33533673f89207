import type { JsonObject } from '@bufbuild/protobuf';
import type { ResourceInput } from '@inmesh/control-plane';
import type { CertifiedKey } from '@inmesh/mtls';

const TLS = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3';
const ADS = { ads: {}, resource_api_version: 'V3' };

/** `transport_socket` of a cluster. */
export function tlsSocket(commonTlsContext: JsonObject, more: JsonObject = {}): JsonObject {
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: { '@type': `${TLS}.UpstreamTlsContext`, common_tls_context: commonTlsContext, ...more },
  };
}

/** What istiod has a sidecar ask of its agent. */
export const AGENT: JsonObject = {
  api_config_source: { api_type: 'GRPC', grpc_services: [{ envoy_grpc: { cluster_name: 'sds-grpc' } }] },
  resource_api_version: 'V3',
};

/** A certificate and roots by SDS, over ADS unless another source is given, and the one name that the server must have. */
export function sdsContext(
  serverUri: string,
  names = { certificate: 'default', roots: 'ROOTCA' },
  source: JsonObject = ADS,
): JsonObject {
  return {
    tls_certificate_sds_secret_configs: [{ name: names.certificate, sds_config: source }],
    combined_validation_context: {
      default_validation_context: { match_typed_subject_alt_names: [exactUri(serverUri)] },
      validation_context_sds_secret_config: { name: names.roots, sds_config: source },
    },
  };
}

export function exactUri(uri: string): JsonObject {
  return { san_type: 'URI', matcher: { exact: uri } };
}

/** A real certificate with its key, for SDS. */
export function certificateSecret(name: string, { chain, key }: CertifiedKey): ResourceInput {
  return {
    '@type': `${TLS}.Secret`,
    name,
    tls_certificate: {
      certificate_chain: { inline_string: chain },
      private_key: { inline_string: Buffer.from(key.reveal()).toString() },
    },
  };
}

/** Real roots, for SDS. */
export function rootsSecret(name: string, roots: string): ResourceInput {
  return { '@type': `${TLS}.Secret`, name, validation_context: { trusted_ca: { inline_string: roots } } };
}
