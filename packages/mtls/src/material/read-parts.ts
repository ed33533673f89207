import type { CertificateValidationContext, Clock, CommonTlsContext, RegexEngine, SecretBytes } from '@inmesh/core';
import type { PeerRole } from '../x509/path.ts';
import type { MakeSecureContext } from './secure-contexts.ts';

/** What the connections of a TLS context are made of, once files and secrets have been read. */
export interface ReadParts {
  /** Whom the material judges: servers that we connect to, or clients that connect to us. */
  readonly peer: PeerRole;
  /** Who we are; empty for nobody. */
  readonly certificates: readonly ReadCertificate[];
  /** Whom we trust; null: anybody. */
  readonly validation: ReadValidation | null;
  readonly parameters: TlsParameters;
  readonly regex: RegexEngine;
  readonly clock: Clock;
  /** Default: a new one each time. */
  readonly makeSecureContext?: MakeSecureContext;
}

/** envoy.extensions.transport_sockets.tls.v3.TlsParameters */
export type TlsParameters = Pick<
  CommonTlsContext,
  'minVersion' | 'maxVersion' | 'cipherSuites' | 'ecdhCurves' | 'signatureAlgorithms'
>;

/** The bytes of a TlsCertificate. */
export interface ReadCertificate {
  /** What errors call it, such as `secret default` or `file /etc/certs/tls.crt`. */
  readonly place: string;
  /** PEM, the leaf first; null where `pkcs12` has it. */
  readonly certificateChain: Uint8Array | null;
  /** PEM of any kind; null where `pkcs12` has it. */
  readonly privateKey: SecretBytes | null;
  readonly pkcs12: SecretBytes | null;
  /** Of the key; null for none. */
  readonly password: SecretBytes | null;
}

/** A CertificateValidationContext and the bytes that it names. */
export interface ReadValidation {
  /** What errors call it, such as `secret ROOTCA`. */
  readonly place: string;
  /** Its sources of data play no part: what they hold is below. */
  readonly rules: CertificateValidationContext;
  /** PEM of roots, and of CRLs among them; null for none. */
  readonly trustedCa: Uint8Array | null;
  /** PEM; null for none. */
  readonly crl: Uint8Array | null;
  /** PEM of roots by trust domain, and of CRLs among them: the SPIFFE validator. Null where there is none. */
  readonly trustDomains: ReadonlyMap<string, string | Uint8Array> | null;
}
