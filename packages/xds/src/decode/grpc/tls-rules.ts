import type {
  CertificateProviderPluginInstance,
  CertificateValidationContext,
} from '@inmesh/api/gen/envoy/extensions/transport_sockets/tls/v3/common_pb';
import type { CommonTlsContext } from '@inmesh/api/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb';
import type { StringMatcher } from '@inmesh/api/gen/envoy/type/matcher/v3/string_pb';
import { type Decoding, Refusal } from '../decoding.ts';
import { requireStringMatcher } from './string-matcher-rules.ts';

/** gRPC goes by this name, where Envoy goes by the type. */
export const TLS_SOCKET = 'envoy.transport_sockets.tls';

type Side = 'client' | 'server';

/**
 * gRFC A29: certificates come from provider instances of the bootstrap, and from nowhere else but (A82) the system's roots.
 * Returns whether there are roots to check a peer with.
 */
export function requireTls(
  decoding: Decoding,
  common: CommonTlsContext | undefined,
  field: string,
  side: Side,
): boolean {
  if (common === undefined) throw new Refusal(field, 'value is required');
  if (common.tlsParams !== undefined) throw new Refusal(`${field}.tls_params`, 'is not supported by gRPC');
  if (common.customHandshaker !== undefined)
    throw new Refusal(`${field}.custom_handshaker`, 'is not supported by gRPC');
  const identity = common.tlsCertificateProviderInstance ?? common.tlsCertificateCertificateProviderInstance;
  if (identity !== undefined) requireInstance(decoding, identity, `${field}.tls_certificate_provider_instance`);
  else if (side === 'server') {
    throw new Refusal(`${field}.tls_certificate_provider_instance`, 'value is required on the server side');
  } else if (common.tlsCertificates.length > 0 || common.tlsCertificateSdsSecretConfigs.length > 0) {
    const given = common.tlsCertificates.length > 0 ? 'tls_certificates' : 'tls_certificate_sds_secret_configs';
    throw new Refusal(`${field}.${given}`, 'is not supported by gRPC: name a tls_certificate_provider_instance');
  }
  return requireValidation(decoding, common, field, side);
}

function requireValidation(decoding: Decoding, common: CommonTlsContext, field: string, side: Side): boolean {
  const type = common.validationContextType;
  switch (type.case) {
    case 'validationContext':
      return requireContext(decoding, type.value, undefined, `${field}.validation_context`, side);
    case 'combinedValidationContext': {
      const { defaultValidationContext, validationContextCertificateProviderInstance: instance } = type.value;
      const place = `${field}.combined_validation_context.default_validation_context`;
      return requireContext(decoding, defaultValidationContext, instance, place, side);
    }
    case 'validationContextCertificateProviderInstance':
      requireInstance(decoding, type.value, `${field}.validation_context_certificate_provider_instance`);
      return true;
    case undefined:
      if (side === 'server') return false;
      throw new Refusal(`${field}.validation_context_type`, 'value is required on the client side');
    default:
      throw new Refusal(`${field}.validation_context_sds_secret_config`, 'is not supported by gRPC');
  }
}

function requireContext(
  decoding: Decoding,
  context: CertificateValidationContext | undefined,
  deprecated: Instance | undefined,
  field: string,
  side: Side,
): boolean {
  const refuse = (name: string): never => {
    throw new Refusal(`${field}.${name}`, 'is not supported by gRPC');
  };
  if (context !== undefined) {
    if (context.verifyCertificateSpki.length > 0) refuse('verify_certificate_spki');
    if (context.verifyCertificateHash.length > 0) refuse('verify_certificate_hash');
    if (context.requireSignedCertificateTimestamp === true) refuse('require_signed_certificate_timestamp');
    if (context.crl !== undefined) refuse('crl');
    if (context.customValidatorConfig !== undefined) refuse('custom_validator_config');
    requireNames(decoding, context.matchSubjectAltNames, `${field}.match_subject_alt_names`, side);
  }
  const roots = context?.caCertificateProviderInstance ?? deprecated;
  if (roots !== undefined) requireInstance(decoding, roots, `${field}.ca_certificate_provider_instance`);
  else if (context?.systemRootCerts === undefined || side === 'server') {
    throw new Refusal(`${field}.ca_certificate_provider_instance`, 'value is required');
  }
  return true;
}

function requireNames(decoding: Decoding, matchers: readonly StringMatcher[], field: string, side: Side): void {
  if (side === 'server' && matchers.length > 0) throw new Refusal(field, 'is not supported on the server side');
  for (const [index, matcher] of matchers.entries()) requireStringMatcher(decoding, matcher, `${field}[${index}]`);
}

type Instance = Pick<CertificateProviderPluginInstance, 'instanceName'>;

function requireInstance({ certificateProviders }: Decoding, { instanceName }: Instance, field: string): void {
  if (certificateProviders === null || certificateProviders.has(instanceName)) return;
  throw new Refusal(
    `${field}.instance_name`,
    `certificate provider "${instanceName}" is not among certificate_providers of the bootstrap`,
  );
}
