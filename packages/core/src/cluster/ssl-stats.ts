import type { TlsFacts } from './connection.ts';

/** Counters of `cluster.<name>.ssl.`, under Envoy's names. */
export class SslStats {
  /** Handshakes that succeeded, the verdict on the peer included. */
  handshake = 0;
  /** What went wrong before there was a certificate to judge. */
  connection_error = 0;
  fail_verify_no_cert = 0;
  fail_verify_error = 0;
  fail_verify_san = 0;
  fail_verify_cert_hash = 0;
  /** Handshakes by what they led to, such as `TLSv1.3`. */
  readonly versions: Record<string, number> = {};
  readonly ciphers: Record<string, number> = {};
  readonly curves: Record<string, number> = {};
}

export function countHandshake(stats: SslStats, { version, cipher, curve }: TlsFacts): void {
  stats.handshake++;
  bump(stats.versions, version);
  bump(stats.ciphers, cipher);
  if (curve !== '') bump(stats.curves, curve);
}

function bump(counters: Record<string, number>, name: string): void {
  counters[name] = (counters[name] ?? 0) + 1;
}
