import type { SecureContext, TLSSocket } from 'node:tls';
import type { ExpectedNames, MeshError, TlsFailure } from '@inmesh/core';

/** What the connections of one TLS context are made with now; another object once a secret has changed. */
export interface TlsMaterial {
  /** Key, chain, roots, CRLs, versions, ciphers, curves; renegotiation is refused (`SSL_OP_NO_RENEGOTIATION`), since Node allows it to servers otherwise. */
  readonly secureContext: SecureContext;
  /**
   * Judges the peer, on every connection, once the handshake is done; null where it may be spoken to. `expected` is the key's.
   *
   * There are no sessions to be resumed: of a resumed one Node shows a client no certificate of the peer, so that nobody could be judged.
   */
  verify(socket: TLSSocket, expected: ExpectedNames | null): PeerRefusal | null;
}

/** Why a peer must not be spoken to. */
export interface PeerRefusal {
  readonly failure: TlsFailure;
  /** Names what was presented and what was expected. */
  readonly message: string;
}

/** A TLS context of the feed whose secrets are followed. */
export interface FollowedTls {
  /** True once all secrets have come, or are known not to come. */
  readonly settled: boolean;
  /** What to connect with; or why it cannot be: a secret that is missing or of no use, by name. */
  current(): TlsMaterial | MeshError;
  release(): void;
}

export interface FollowedTlsEvents {
  /** Not while `follow` runs. */
  onSettled(): void;
  /** `current` has other certificates or roots. */
  onRotated(): void;
}
