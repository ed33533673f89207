import type { SecureContext, TLSSocket } from 'node:tls';
import type { MeshError, TlsFailure } from '@inmesh/core';

/** What the connections of one TLS context are made with now; another object once a secret has changed. */
export interface TlsMaterial {
  /** Key, chain, roots, CRLs, versions, ciphers, curves. */
  readonly secureContext: SecureContext;
  /**
   * Judges the peer, on every connection, resumed or not, once the handshake is done; null where it may be spoken to. `expectedNames` stand
   * instead of the SAN matchers where they are given. (`auto_san_validation`)
   */
  verify(socket: TLSSocket, expectedNames: readonly string[] | null): PeerRefusal | null;
  /** Sessions that may be resumed: made with this material and these expectations, and no others. */
  session(id: string): Buffer | undefined;
  keepSession(id: string, session: Buffer): void;
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
