/** How a cluster's protocol is said, and what its servers speak: `auto` is by ALPN, over TLS. */
export const PROTOCOLS = ['http1', 'http2', 'auto-http1', 'auto-http2'] as const;
export type Protocol = (typeof PROTOCOLS)[number];

type Json = Record<string, unknown>;

export interface ProtocolSettings {
  /** `common_http_protocol_options`. */
  readonly common?: Json;
  /** `http2_protocol_options`. */
  readonly http2?: Json;
}

const OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
const TLS = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext';

/** Fields of a cluster. Over TLS it judges nobody: here it is for the protocol alone. */
export function protocolFields(protocol: Protocol, { common = {}, http2 = {} }: ProtocolSettings = {}): Json {
  const auto = protocol.startsWith('auto');
  const explicit = protocol === 'http1' ? { http_protocol_options: {} } : { http2_protocol_options: http2 };
  return {
    ...(auto && {
      transport_socket: { name: 'tls', typed_config: { '@type': TLS, common_tls_context: {} } },
    }),
    typed_extension_protocol_options: {
      [OPTIONS]: {
        '@type': `type.googleapis.com/${OPTIONS}`,
        common_http_protocol_options: common,
        ...(auto ? { auto_config: { http2_protocol_options: http2 } } : { explicit_http_config: explicit }),
      },
    },
  };
}
