import { messageType } from '@inmesh/api';
import type {
  TlsCertificate as ProtoCertificate,
  SubjectAltNameMatcher as ProtoSanMatcher,
  CertificateValidationContext as ProtoValidation,
} from '@inmesh/api/gen/envoy/extensions/transport_sockets/tls/v3/common_pb';
import type {
  GenericSecret,
  Secret as ProtoSecret,
} from '@inmesh/api/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb';
import type { StringMatcher } from '@inmesh/api/gen/envoy/type/matcher/v3/string_pb';
import type {
  CertificateValidationContext,
  SanType,
  Secret,
  SecretSource,
  SubjectAltNameMatcher,
  TlsCertificate,
} from '@inmesh/core';
import { decodeDataSource, decodeSecretSource } from './data-source.ts';
import { type Decoding, enumName, Refusal, requireValid } from './decoding.ts';
import { readExtensionConfig } from './extension-config.ts';

const TLS = 'envoy.extensions.transport_sockets.tls.v3';

/** A resource of SDS. What the certificates hold is judged by whoever knows of such things. */
export function decodeSecret(decoding: Decoding, message: ProtoSecret): Secret {
  requireValid(decoding, messageType<ProtoSecret>('envoy.extensions.transport_sockets.tls.v3.Secret'), message);
  const secret = readSecret(message);
  try {
    decoding.judgeSecret(secret, decoding.regex);
  } catch (error) {
    throw new Refusal('', (error as Error).message);
  }
  return secret;
}

function readSecret(message: ProtoSecret): Secret {
  const { name, type } = message;
  switch (type.case) {
    case 'tlsCertificate':
      return { name, kind: 'tls_certificate', certificate: decodeTlsCertificate(type.value, 'tls_certificate') };
    case 'validationContext':
      return {
        name,
        kind: 'validation_context',
        validation: decodeValidationContext(type.value, 'validation_context'),
      };
    case 'sessionTicketKeys':
      return { name, kind: 'session_ticket_keys', keys: ticketKeys(type.value.keys) };
    case 'genericSecret':
      return { name, kind: 'generic_secret', ...genericSecret(type.value) };
    default:
      throw new Refusal('', 'it holds no secret: set tls_certificate, validation_context or another of its types');
  }
}

/** Also where a cluster or listener has it inline; its rules were checked with those of whatever holds it. */
export function decodeTlsCertificate(message: ProtoCertificate, field: string): TlsCertificate {
  const { privateKeyProvider: provider, watchedDirectory } = message;
  const certificate: TlsCertificate = {
    certificateChain: decodeDataSource(message.certificateChain, `${field}.certificate_chain`),
    privateKey: decodeSecretSource(message.privateKey, `${field}.private_key`),
    pkcs12: decodeSecretSource(message.pkcs12, `${field}.pkcs12`),
    password: decodeSecretSource(message.password, `${field}.password`),
    watchedDirectory: watchedDirectory?.path ?? null,
    ocspStaple: decodeDataSource(message.ocspStaple, `${field}.ocsp_staple`),
    privateKeyProvider:
      provider === undefined
        ? null
        : {
            name: provider.providerName,
            typeName: readExtensionConfig(
              provider.providerName,
              provider.configType.value,
              `${field}.private_key_provider`,
            ).typeName,
            fallback: provider.fallback,
          },
  };
  if (certificate.pkcs12 !== null && (certificate.privateKey !== null || certificate.certificateChain !== null)) {
    throw new Refusal(`${field}.pkcs12`, 'it cannot stand beside private_key or certificate_chain');
  }
  return certificate;
}

/** As `decodeTlsCertificate`. */
export function decodeValidationContext(message: ProtoValidation, field: string): CertificateValidationContext {
  const { caCertificateProviderInstance: provider, customValidatorConfig: validator } = message;
  const trust = enumName(`${TLS}.CertificateValidationContext.TrustChainVerification`, message.trustChainVerification);
  return {
    trustedCa: decodeDataSource(message.trustedCa, `${field}.trusted_ca`),
    caCertificateProvider:
      provider === undefined
        ? null
        : { instanceName: provider.instanceName, certificateName: provider.certificateName },
    systemRootCerts: message.systemRootCerts !== undefined,
    watchedDirectory: message.watchedDirectory?.path ?? null,
    verifyCertificateSpki: message.verifyCertificateSpki,
    verifyCertificateHash: message.verifyCertificateHash,
    subjectAltNames: subjectAltNames(message, field),
    requireSignedCertificateTimestamp: message.requireSignedCertificateTimestamp ?? false,
    crl: decodeDataSource(message.crl, `${field}.crl`),
    onlyVerifyLeafCertCrl: message.onlyVerifyLeafCertCrl,
    allowExpiredCertificate: message.allowExpiredCertificate,
    acceptUntrusted: trust === 'ACCEPT_UNTRUSTED',
    maxVerifyDepth: message.maxVerifyDepth ?? null,
    customValidator:
      validator === undefined
        ? null
        : readExtensionConfig(validator.name, validator.typedConfig, `${field}.custom_validator_config`),
    suppressClientCaList: message.suppressClientCaList,
  };
}

function subjectAltNames(message: ProtoValidation, field: string): SubjectAltNameMatcher[] {
  const { matchTypedSubjectAltNames: typed, matchSubjectAltNames: untyped } = message;
  if (typed.length > 0 && untyped.length > 0) {
    throw new Refusal(
      `${field}.match_subject_alt_names`,
      'SAN-based verification using both match_typed_subject_alt_names and the deprecated match_subject_alt_names is not allowed',
    );
  }
  return [
    ...typed.map((each, index) => typedMatcher(each, `${field}.match_typed_subject_alt_names[${index}]`)),
    ...untyped.map((each, index) => ({
      sanType: null,
      oid: '',
      ...stringMatch(each, `${field}.match_subject_alt_names[${index}]`),
    })),
  ];
}

const sanTypes: ReadonlyMap<string, SanType> = new Map([
  ['EMAIL', 'email'],
  ['DNS', 'dns'],
  ['URI', 'uri'],
  ['IP_ADDRESS', 'ip_address'],
  ['OTHER_NAME', 'other_name'],
]);

function typedMatcher({ sanType, matcher, oid }: ProtoSanMatcher, field: string): SubjectAltNameMatcher {
  const name = enumName(`${TLS}.SubjectAltNameMatcher.SanType`, sanType);
  const known = sanTypes.get(name);
  if (known === undefined) throw new Refusal(`${field}.san_type`, `${name} is no type of name`);
  if (known === 'other_name' && oid === '') throw new Refusal(`${field}.oid`, 'OTHER_NAME needs the OID of its type');
  return { sanType: known, oid, ...stringMatch(matcher, `${field}.matcher`) };
}

type StringMatch = Pick<SubjectAltNameMatcher, 'match' | 'value' | 'ignoreCase'>;

function stringMatch(matcher: StringMatcher | undefined, field: string): StringMatch {
  const pattern = matcher?.matchPattern;
  switch (pattern?.case) {
    case 'exact':
    case 'prefix':
    case 'suffix':
    case 'contains':
      return { match: pattern.case, value: pattern.value, ignoreCase: matcher?.ignoreCase ?? false };
    case 'safeRegex':
      // Envoy's ignore_case has no effect on an expression.
      return { match: 'safe_regex', value: pattern.value.regex, ignoreCase: false };
    case 'custom':
      // A name that this version cannot check must not be taken for checked.
      throw new Refusal(`${field}.custom`, 'custom matchers of names are not supported');
    default:
      throw new Refusal(field, 'value is required');
  }
}

function ticketKeys(keys: readonly NonNullable<GenericSecret['secret']>[]): SecretSource[] {
  return keys.flatMap((key, index) => decodeSecretSource(key, `session_ticket_keys.keys[${index}]`) ?? []);
}

function genericSecret({ secret, secrets }: GenericSecret) {
  const named = Object.entries(secrets).flatMap(([name, each]) => {
    const source = decodeSecretSource(each, `generic_secret.secrets["${name}"]`);
    return source === null ? [] : [[name, source] as const];
  });
  return {
    secret: decodeSecretSource(secret, 'generic_secret.secret'),
    secrets: Object.fromEntries(named) as { readonly [name: string]: SecretSource },
  };
}
