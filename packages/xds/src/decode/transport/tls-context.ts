import type { Any } from '@bufbuild/protobuf/wkt';
import type {
  CertificateProviderPluginInstance,
  TlsParameters,
} from '@inmesh/api/gen/envoy/extensions/transport_sockets/tls/v3/common_pb';
import type {
  CommonTlsContext as ProtoCommon,
  UpstreamTlsContext as ProtoUpstream,
} from '@inmesh/api/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb';
import type { CertificateRef, CommonTlsContext, TlsVersion, UpstreamTlsContext, ValidationRef } from '@inmesh/core';
import { type Decoding, enumName, otherFields, Refusal, unpack, unpackUnchecked } from '../decoding.ts';
import { decodeTlsCertificate, decodeValidationContext } from '../secret.ts';
import { decodeSecretRef } from './secret-ref.ts';

export const UPSTREAM_TLS = 'envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext';
const PROTOCOLS = 'envoy.extensions.transport_sockets.tls.v3.TlsParameters.TlsProtocol';
/** Envoy keeps one, so that the newest ticket is used. */
const DEFAULT_SESSION_KEYS = 1;

/** Read here, or without effect on who is spoken to and how: `key_log` is for debugging. */
const KNOWN_COMMON: ReadonlySet<string> = new Set([
  'tls_params',
  'tls_certificates',
  'tls_certificate_sds_secret_configs',
  'tls_certificate_provider_instance',
  'tls_certificate_certificate_provider_instance',
  'validation_context',
  'validation_context_sds_secret_config',
  'combined_validation_context',
  'validation_context_certificate_provider_instance',
  'alpn_protocols',
  'key_log',
]);
const KNOWN_PARAMS: ReadonlySet<string> = new Set([
  'tls_minimum_protocol_version',
  'tls_maximum_protocol_version',
  'cipher_suites',
  'ecdh_curves',
  'signature_algorithms',
]);

/** The TLS settings of a cluster; what of them this version cannot do is added to `unsupported`. gRPC's own rules were checked before. */
export function decodeUpstreamTls(
  decoding: Decoding,
  any: Any,
  field: string,
  unsupported: string[],
): UpstreamTlsContext {
  const message =
    decoding.profile === 'grpc'
      ? unpackUnchecked<ProtoUpstream>(any, UPSTREAM_TLS, field)
      : unpack<ProtoUpstream>(decoding, any, UPSTREAM_TLS, field);
  if (message.sni.includes('\0')) throw new Refusal(`${field}.sni`, 'SNI names containing NULL-byte are not allowed');
  if (message.enforceRsaKeyUsage === true) unsupported.push(`${field}.enforce_rsa_key_usage`);
  const common = decodeCommon(message.commonTlsContext, `${field}.common_tls_context`, unsupported);
  if (message.autoSniSanValidation && common.validation === null) {
    throw new Refusal(
      `${field}.auto_sni_san_validation`,
      'it is set without a validation context, so that no certificate is checked at all',
    );
  }
  return {
    common,
    sni: message.sni,
    autoHostSni: message.autoHostSni,
    autoSniSanValidation: message.autoSniSanValidation,
    allowRenegotiation: message.allowRenegotiation,
    maxSessionKeys: message.maxSessionKeys ?? DEFAULT_SESSION_KEYS,
  };
}

const NO_COMMON: CommonTlsContext = {
  minVersion: null,
  maxVersion: null,
  cipherSuites: [],
  ecdhCurves: [],
  signatureAlgorithms: [],
  certificates: [],
  validation: null,
  alpnProtocols: [],
};

function decodeCommon(message: ProtoCommon | undefined, field: string, unsupported: string[]): CommonTlsContext {
  if (message === undefined) return NO_COMMON;
  unsupported.push(...otherFields(message, KNOWN_COMMON).map((name) => `${field}.${name}`));
  const given = message.tlsCertificates.length + message.tlsCertificateSdsSecretConfigs.length;
  if (given > 1 && message.customTlsCertificateSelector === undefined) {
    throw new Refusal(
      `${field}.tls_certificates`,
      'Multiple TLS certificates are not supported for client contexts: give one',
    );
  }
  return {
    ...decodeParams(message.tlsParams, `${field}.tls_params`, unsupported),
    certificates: decodeCertificates(message, field, unsupported),
    validation: decodeValidation(message, field, unsupported),
    alpnProtocols: message.alpnProtocols,
  };
}

type Params = Pick<
  CommonTlsContext,
  'minVersion' | 'maxVersion' | 'cipherSuites' | 'ecdhCurves' | 'signatureAlgorithms'
>;

function decodeParams(message: TlsParameters | undefined, field: string, unsupported: string[]): Params {
  if (message === undefined) return NO_COMMON;
  unsupported.push(...otherFields(message, KNOWN_PARAMS).map((name) => `${field}.${name}`));
  return {
    minVersion: versionOf(message.tlsMinimumProtocolVersion),
    maxVersion: versionOf(message.tlsMaximumProtocolVersion),
    cipherSuites: message.cipherSuites,
    ecdhCurves: message.ecdhCurves,
    signatureAlgorithms: message.signatureAlgorithms,
  };
}

const versions: ReadonlyMap<string, TlsVersion> = new Map([
  ['TLSv1_0', 'TLSv1.0'],
  ['TLSv1_1', 'TLSv1.1'],
  ['TLSv1_2', 'TLSv1.2'],
  ['TLSv1_3', 'TLSv1.3'],
]);

function versionOf(number: number): TlsVersion | null {
  return versions.get(enumName(PROTOCOLS, number)) ?? null;
}

/** In Envoy's order: inline ones, else secrets; gRPC's instances, which stand beside neither. */
function decodeCertificates(message: ProtoCommon, field: string, unsupported: string[]): CertificateRef[] {
  const instance = message.tlsCertificateProviderInstance ?? message.tlsCertificateCertificateProviderInstance;
  const certificates = message.tlsCertificates.map((each, index): CertificateRef => {
    const certificate = decodeTlsCertificate(each, `${field}.tls_certificates[${index}]`);
    return { kind: 'inline', certificate };
  });
  const secrets = message.tlsCertificateSdsSecretConfigs.flatMap((each, index): CertificateRef[] => {
    const secret = decodeSecretRef(each, `${field}.tls_certificate_sds_secret_configs[${index}]`, unsupported);
    return secret === null ? [] : [{ kind: 'sds', secret }];
  });
  if (certificates.length + secrets.length > 0) return [...certificates, ...secrets];
  return instance === undefined ? [] : [{ kind: 'provider', ...providerOf(instance) }];
}

function decodeValidation(message: ProtoCommon, field: string, unsupported: string[]): ValidationRef | null {
  const { validationContextType: type } = message;
  switch (type.case) {
    case 'validationContext': {
      const context = decodeValidationContext(type.value, `${field}.validation_context`);
      return { context, secret: null, provider: context.caCertificateProvider };
    }
    case 'validationContextSdsSecretConfig': {
      const secret = decodeSecretRef(type.value, `${field}.validation_context_sds_secret_config`, unsupported);
      return { context: null, secret, provider: null };
    }
    case 'combinedValidationContext': {
      const place = `${field}.combined_validation_context`;
      const { defaultValidationContext: given, validationContextSdsSecretConfig: secret } = type.value;
      const context =
        given === undefined ? null : decodeValidationContext(given, `${place}.default_validation_context`);
      const instance = type.value.validationContextCertificateProviderInstance;
      return {
        context,
        secret:
          secret === undefined
            ? null
            : decodeSecretRef(secret, `${place}.validation_context_sds_secret_config`, unsupported),
        provider: context?.caCertificateProvider ?? (instance === undefined ? null : providerOf(instance)),
      };
    }
    case 'validationContextCertificateProviderInstance':
      return { context: null, secret: null, provider: providerOf(type.value) };
    default:
      return null;
  }
}

function providerOf({
  instanceName,
  certificateName,
}: Pick<CertificateProviderPluginInstance, 'instanceName' | 'certificateName'>) {
  return { instanceName, certificateName };
}
