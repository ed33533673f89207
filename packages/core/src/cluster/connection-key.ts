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
  /** Of the entry of `transport_socket_matches` that was chosen; `default` where none was. */
  readonly socketName: string;
  /** `auto`: as ALPN chooses. */
  readonly protocol: HttpProtocol | 'auto';
  /** Instead of what the socket and the protocol say; null for those. */
  readonly alpn: readonly string[] | null;
  /** Instead of the socket's; null for that, empty for none. Never an IP address. */
  readonly sni: string | null;
  /** What the certificate must say for this call; null for no more than the feed's own matchers. */
  readonly expected: ExpectedNames | null;
}

/** Names that a certificate must have because of the name that the call is for. */
export interface ExpectedNames {
  /**
   * `also`: one of them must be among the names of any kind, wildcards of DNS names counting, and the SAN matchers hold beside it
   * (`auto_san_validation`). `instead`: one of them must be among the DNS names, and the SAN matchers are not asked (`auto_sni_san_validation`).
   */
  readonly rule: 'also' | 'instead';
  readonly names: readonly string[];
}

/** HTTP/1 in the clear, which all calls to a plain cluster share. */
export const PLAIN_KEY: ConnectionKey = {
  id: '',
  socket: { kind: 'raw_buffer' },
  socketName: 'default',
  protocol: 'http1',
  alpn: null,
  sni: null,
  expected: null,
};
