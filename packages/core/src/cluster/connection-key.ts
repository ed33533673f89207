import type { TransportSocketConfig } from '../model/transport-socket.ts';
import type { HttpProtocol } from '../model/upstream-protocol.ts';

/**
 * Which connections fit a call: those with an equal key to its host. Two calls to one host may need different ones, because the
 * server name, the ALPN list and the names that are expected can differ from request to request (`istio.alpn`, `auto_sni`).
 */
export interface ConnectionKey {
  /** Equal for keys that fit the same connections, within a configuration of the cluster. */
  readonly id: string;
  readonly socket: TransportSocketConfig;
  /** `auto`: as ALPN chooses. */
  readonly protocol: HttpProtocol | 'auto';
  /** Instead of what the socket and the protocol say; null for those. */
  readonly alpn: readonly string[] | null;
  /** Instead of the socket's; null for that. */
  readonly sni: string | null;
  /** One of these must be among the certificate's DNS names (or addresses), instead of the SAN matchers; null for those. */
  readonly expectedNames: readonly string[] | null;
}

/** HTTP/1 in the clear, which all calls to a plain cluster share. */
export const PLAIN_KEY: ConnectionKey = {
  id: '',
  socket: { kind: 'raw_buffer' },
  protocol: 'http1',
  alpn: null,
  sni: null,
  expectedNames: null,
};
