import type {
  CertificateValidationContext,
  Clock,
  CommonTlsContext,
  DataSource,
  RegexEngine,
  SecretBytes,
  SecretSource,
  TlsCertificate,
} from '@inmesh/core';
import type { MakeSecureContext } from './material/secure-contexts.ts';
import type { TlsMaterial } from './tls-material.ts';

/** An identity of ours, and what to call it: errors name it. */
export interface NamedCertificate {
  /** Such as `secret "default"`, or `the inline certificate`. */
  readonly source: string;
  /** As Envoy's gauges have it (`ssl.certificate.<name>.expiration_unix_time_seconds`). */
  readonly name: string;
  readonly certificate: TlsCertificate;
}

/** Whom we trust, all sources merged, and what to call it. */
export interface NamedValidation {
  readonly source: string;
  readonly context: CertificateValidationContext;
  /** PEM of the roots of each trust domain, by a provider of identities: they stand instead of `trustedCa`. Null: as the context says. (gRFC A87) */
  readonly byTrustDomain: ReadonlyMap<string, string> | null;
}

/** Reads what the parts name. Throws where it is not there; the error names the file or the variable. */
export interface SourceReader {
  read(source: DataSource): Uint8Array;
  readSecret(source: SecretSource): SecretBytes;
}

/** What a TLS material is made of. */
export interface MaterialParts {
  readonly certificates: readonly NamedCertificate[];
  /** Null: anybody is trusted. */
  readonly validation: NamedValidation | null;
  /** Versions, ciphers, curves, signature algorithms; its own certificates and validation are in the parts above. */
  readonly common: CommonTlsContext;
  readonly reader: SourceReader;
  readonly regex: RegexEngine;
  readonly clock: Clock;
  /** Default: a new one each time. */
  readonly makeSecureContext?: MakeSecureContext;
}

/** What is shown of a certificate. */
export interface CertificateSummary {
  /** Hex. */
  readonly serialNumber: string;
  readonly uris: readonly string[];
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
}

export interface BuiltMaterial {
  readonly material: TlsMaterial;
  /** The leaf of each certificate of the parts, in their order. */
  readonly own: readonly CertificateSummary[];
  readonly roots: readonly CertificateSummary[];
}

/** Throws for parts of no use, and names the one; one that has expired is no such fault: it is judged by whoever reads the summary. */
export type BuildMaterial = (parts: MaterialParts) => BuiltMaterial;
