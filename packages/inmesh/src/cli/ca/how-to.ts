import { join } from 'node:path';

/** A resource of SDS in a file of its own: Envoy takes one secret from one file. */
export function sdsCertificate(folder: string): string {
  return secret('default', [
    '  tls_certificate:',
    `    certificate_chain: { filename: ${quoted(folder, 'tls.crt')} }`,
    `    private_key: { filename: ${quoted(folder, 'tls.key')} }`,
    `    watched_directory: { path: ${JSON.stringify(folder)} }`,
  ]);
}

export function sdsRoots(folder: string): string {
  return secret('ROOTCA', [
    '  validation_context:',
    `    trusted_ca: { filename: ${quoted(folder, 'ca.crt')} }`,
    `    watched_directory: { path: ${JSON.stringify(folder)} }`,
  ]);
}

function secret(name: string, lines: readonly string[]): string {
  return [
    'resources:',
    '- "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
    `  name: ${name}`,
    ...lines,
    '',
  ].join('\n');
}

/** How a certificate is put to use, in the three ways that meshes have. */
export function howTo(folder: string, peer: string): string {
  const provider = {
    default: {
      plugin_name: 'file_watcher',
      config: {
        certificate_file: join(folder, 'tls.crt'),
        private_key_file: join(folder, 'tls.key'),
        ca_certificate_file: join(folder, 'ca.crt'),
        refresh_interval: '60s',
      },
    },
  };
  return `
In a gRPC bootstrap (GRPC_XDS_BOOTSTRAP), for clusters that name the certificate provider "default":
  "certificate_providers": ${JSON.stringify(provider, null, 2).replaceAll('\n', '\n  ')}

In a cluster of an Envoy bootstrap or feed, by files:
  transport_socket:
    name: envoy.transport_sockets.tls
    typed_config:
      "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
      common_tls_context:
        tls_certificates:
        - certificate_chain: { filename: ${quoted(folder, 'tls.crt')} }
          private_key: { filename: ${quoted(folder, 'tls.key')} }
          watched_directory: { path: ${JSON.stringify(folder)} }
        validation_context:
          trusted_ca: { filename: ${quoted(folder, 'ca.crt')} }
          # the SPIFFE ID of the server that is called; here this workload's own
          match_typed_subject_alt_names: [{ san_type: URI, matcher: { exact: ${JSON.stringify(peer)} } }]

The same by SDS, which Envoy follows from files:
      common_tls_context:
        tls_certificate_sds_secret_configs:
        - name: default
          sds_config: { resource_api_version: V3, path_config_source: { path: ${quoted(folder, 'sds-default.yaml')} } }
        combined_validation_context:
          default_validation_context:
            match_typed_subject_alt_names: [{ san_type: URI, matcher: { exact: ${JSON.stringify(peer)} } }]
          validation_context_sds_secret_config:
            name: ROOTCA
            sds_config: { resource_api_version: V3, path_config_source: { path: ${quoted(folder, 'sds-rootca.yaml')} } }`;
}

function quoted(folder: string, file: string): string {
  return JSON.stringify(join(folder, file));
}
