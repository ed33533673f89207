import type { ApiConfigSource, ConfigSource } from '@inmesh/api/gen/envoy/config/core/v3/config_source_pb';
import type { SdsSecretConfig } from '@inmesh/api/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb';
import type { SdsSecretRef, SdsSource } from '@inmesh/core';
import { enumName, milliseconds } from '../decoding.ts';

/** As Envoy's: a server that says nothing for so long is taken to have none. (initial_fetch_timeout) */
const DEFAULT_FETCH_TIMEOUT_MS = 15_000;

/** Where a secret is asked for; null where this version cannot ask there, which is added to `unsupported`. */
export function decodeSecretRef(
  { name, sdsConfig }: SdsSecretConfig,
  field: string,
  unsupported: string[],
): SdsSecretRef | null {
  const source = decodeSource(sdsConfig, `${field}.sds_config`, unsupported);
  if (source === null) return null;
  const timeout = sdsConfig?.initialFetchTimeout;
  return {
    name,
    source,
    initialFetchTimeoutMs: timeout === undefined ? DEFAULT_FETCH_TIMEOUT_MS : milliseconds(timeout),
  };
}

function decodeSource(config: ConfigSource | undefined, field: string, unsupported: string[]): SdsSource | null {
  if (config === undefined) return { kind: 'static' };
  const { configSourceSpecifier: source } = config;
  switch (source.case) {
    case 'ads':
    case 'self':
      return { kind: 'ads' };
    case 'path':
      return { kind: 'path', path: source.value, watchedDirectory: null };
    case 'pathConfigSource':
      return { kind: 'path', path: source.value.path, watchedDirectory: source.value.watchedDirectory?.path ?? null };
    case 'apiConfigSource':
      return decodeApiSource(source.value, `${field}.api_config_source`, unsupported);
    default:
      unsupported.push(field);
      return null;
  }
}

/** The first service that is listed, as Envoy asks one only. */
function decodeApiSource(message: ApiConfigSource, field: string, unsupported: string[]): SdsSource | null {
  const type = enumName('envoy.config.core.v3.ApiConfigSource.ApiType', message.apiType);
  if (type === 'AGGREGATED_GRPC' || type === 'AGGREGATED_DELTA_GRPC') return { kind: 'ads' };
  const service = message.grpcServices[0]?.targetSpecifier;
  if (type === 'GRPC' || type === 'DELTA_GRPC') {
    const delta = type === 'DELTA_GRPC';
    if (service?.case === 'envoyGrpc') return { kind: 'grpc', clusterName: service.value.clusterName, delta };
    if (service?.case === 'googleGrpc') return { kind: 'google_grpc', targetUri: service.value.targetUri, delta };
  }
  unsupported.push(`${field}.api_type: ${type}`);
  return null;
}
