import type { DataSource, SecretSource } from './data-source.ts';
import type { ExtensionConfig } from './extension-config.ts';

/** envoy.extensions.transport_sockets.tls.v3.Secret */
export type Secret =
  | { readonly name: string; readonly kind: 'tls_certificate'; readonly certificate: TlsCertificate }
  | { readonly name: string; readonly kind: 'validation_context'; readonly validation: CertificateValidationContext }
  | { readonly name: string; readonly kind: 'session_ticket_keys'; readonly keys: readonly SecretSource[] }
  | {
      readonly name: string;
      readonly kind: 'generic_secret';
      /** Null where there are only named ones. */
      readonly secret: SecretSource | null;
      readonly secrets: { readonly [name: string]: SecretSource };
    };

/** An identity: chain and key as PEM, or both as PKCS #12. (envoy.extensions.transport_sockets.tls.v3.TlsCertificate) */
export interface TlsCertificate {
  readonly certificateChain: DataSource | null;
  readonly privateKey: SecretSource | null;
  readonly pkcs12: SecretSource | null;
  /** Of the key. */
  readonly password: SecretSource | null;
  /** Files are read again when an entry of this directory is renamed; null: when the directory of each is. */
  readonly watchedDirectory: string | null;
  readonly ocspStaple: DataSource | null;
  /** Something else signs with the key; null for none. `fallback`: do without the key where it is not there. */
  readonly privateKeyProvider: { readonly name: string; readonly typeName: string; readonly fallback: boolean } | null;
}

/** Which kind of name of a certificate a matcher is for; `other_name` has the OID of its type. */
export type SanType = 'email' | 'dns' | 'uri' | 'ip_address' | 'other_name';

/** envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher */
export interface SubjectAltNameMatcher {
  /** Null: a name of any kind, as the older `match_subject_alt_names` has it. */
  readonly sanType: SanType | null;
  readonly match: 'exact' | 'prefix' | 'suffix' | 'contains' | 'safe_regex';
  readonly value: string;
  readonly ignoreCase: boolean;
  /** Of `other_name`; empty for the rest. */
  readonly oid: string;
}

/** Whom to trust. (envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext) */
export interface CertificateValidationContext {
  readonly trustedCa: DataSource | null;
  /** Roots by a provider of the bootstrap; null for none. */
  readonly caCertificateProvider: { readonly instanceName: string; readonly certificateName: string } | null;
  /** The system's roots. */
  readonly systemRootCerts: boolean;
  /** As of `TlsCertificate`. */
  readonly watchedDirectory: string | null;
  /** Base64 SHA-256 of the public key: one must fit, where there are any. */
  readonly verifyCertificateSpki: readonly string[];
  /** Hex SHA-256 of the certificate: one must fit, where there are any. */
  readonly verifyCertificateHash: readonly string[];
  /** One must fit, where there are any; with none, every certificate of the trusted roots is good. */
  readonly subjectAltNames: readonly SubjectAltNameMatcher[];
  /** Plays no part, as in Envoy. */
  readonly requireSignedCertificateTimestamp: boolean;
  readonly crl: DataSource | null;
  readonly onlyVerifyLeafCertCrl: boolean;
  readonly allowExpiredCertificate: boolean;
  /** `ACCEPT_UNTRUSTED`: nothing is judged, names and hashes neither, as Envoy has it. */
  readonly acceptUntrusted: boolean;
  /** Certificates between the leaf and the root at most; null for the library's own limit. */
  readonly maxVerifyDepth: number | null;
  /** As a SPIFFE validator with roots for each trust domain; null for none. */
  readonly customValidator: ExtensionConfig | null;
  /** A server does not send its list of roots. */
  readonly suppressClientCaList: boolean;
}
