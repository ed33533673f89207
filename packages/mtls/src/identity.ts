import type { SecretBytes, Unwatch, Watcher } from '@inmesh/core';

/** Who we are and whom we trust, as one source of identities has it now. */
export interface Identity {
  /** Null where this source knows roots only. */
  readonly certificate: CertifiedKey | null;
  /** Null where this source has no roots. */
  readonly trust: TrustBundles | null;
}

/** A private key and the certificate that others issued for it. */
export interface CertifiedKey {
  /** PEM, the leaf first, then what leads to a root. */
  readonly chain: string;
  /** PEM, PKCS #8. */
  readonly key: SecretBytes;
  /** Milliseconds since 1970, of the leaf. */
  readonly notAfter: number;
}

/** Roots that peers are checked with. */
export interface TrustBundles {
  /** PEM: roots for whatever trust domain a peer is of; empty where each domain has its own. */
  readonly roots: string;
  /** PEM by trust domain: a peer of a domain that is listed is checked with its roots only, one of any other is refused. Null where roots are for all. */
  readonly byTrustDomain: ReadonlyMap<string, string> | null;
  /** PEM; empty for none. */
  readonly crl: string;
}

/**
 * A source of identities: files, a Workload API, a CA. It begins with its first watcher and ends with its last. Each state
 * is whole: chain and key belong together. Its errors name the place and the remedy.
 */
export interface IdentityProvider {
  /** `resourceError`: there is none, so that calls are refused; `ambientError`: the last one stays in force. */
  watch(watcher: Watcher<Identity>): Unwatch;
}
