import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { TlsFailure } from '@inmesh/core';
import type { PeerRefusal } from '../tls-material.ts';
import { type Certificate, readCertificate } from '../x509/certificate.ts';
import { describeNames } from '../x509/certificate-names.ts';
import type { PeerRole } from '../x509/path.ts';

/** What a peer has shown of itself in a handshake. */
export interface Peer {
  readonly role: PeerRole;
  readonly leaf: Certificate;
  /** What OpenSSL has against the chain; null for nothing. */
  readonly chainError: string | null;
  /** What else was sent, in no order that means anything. */
  others(): readonly Certificate[];
}

/** A chain is short; a longer one is somebody's mischief. */
const MAX_SENT = 16;

/** The peer of a connection; or why there is nobody to judge. Once for a connection: Node shows a client the chain only the first time. */
export function peerOf(socket: TLSSocket, role: PeerRole): Peer | PeerRefusal {
  // A client is shown no certificate of a resumed session, and a server one that was judged by other rules perhaps.
  if (socket.isSessionReused())
    return refusal(
      'fail_verify_error',
      `the TLS session of the ${role} was resumed, which shows no certificate to judge`,
    );
  const presented = socket.getPeerX509Certificate();
  if (presented === undefined) return refusal('fail_verify_no_cert', `the ${role} has presented no certificate`);
  try {
    const leaf = readCertificate(presented.raw, presented);
    return { role, leaf, chainError: chainErrorOf(socket), others: () => sentWith(presented) };
  } catch (cause) {
    return refusal('fail_verify_error', `the certificate of the ${role} cannot be read: ${(cause as Error).message}`);
  }
}

export function isRefusal(value: Peer | PeerRefusal): value is PeerRefusal {
  return 'failure' in value;
}

export function refusal(failure: TlsFailure, message: string): PeerRefusal {
  return { failure, message };
}

/** `the server, whose certificate is for …` */
export function presented({ role, leaf }: Peer): string {
  return `the ${role} presents a certificate for ${describeNames(leaf.names)}`;
}

function chainErrorOf({ authorized, authorizationError }: TLSSocket): string | null {
  if (authorized) return null;
  return String(authorizationError ?? 'the chain was not verified');
}

/**
 * What came with the leaf: Node links certificates by their names, not by signatures, and shows no more of the chain than what it could
 * link; a server is shown none of it where OpenSSL is content. So a path is looked for among them, and is none where it is not there.
 */
function sentWith(presented: X509Certificate): readonly Certificate[] {
  const certificates: Certificate[] = [];
  let last = presented;
  while (certificates.length < MAX_SENT) {
    const next = last.issuerCertificate;
    if (next === undefined || next.raw.equals(last.raw)) return certificates;
    try {
      certificates.push(readCertificate(next.raw, next));
    } catch {
      return certificates;
    }
    last = next;
  }
  return certificates;
}
