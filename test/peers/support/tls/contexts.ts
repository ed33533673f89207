import { commonSecrets, type SecretSource } from './secrets.ts';
import type { IdentityFiles } from './trust.ts';

type Json = Record<string, unknown>;

const TLS = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3';
const OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

export interface ServerTls {
  readonly identity: IdentityFiles;
  /** Default `files`. */
  readonly source?: SecretSource;
  /** Prefixes of the URI names that callers may have; default: those of the server's own trust domain. */
  readonly callers?: readonly string[];
  /** Default `h2`, `http/1.1`, as istiod has it. */
  readonly alpn?: readonly string[];
  /** More of the CommonTlsContext, such as `tls_params`. */
  readonly common?: Json;
}

export interface ClientTls {
  readonly identity: IdentityFiles;
  /** Default `files`. */
  readonly source?: SecretSource;
  /** URI names that the server may have; none: any of the trust domain's authority. */
  readonly servers: readonly string[];
  readonly sni?: string;
  /** Default none: those of the protocol. */
  readonly alpn?: readonly string[];
  /** More of the CommonTlsContext. */
  readonly common?: Json;
  /** More of the UpstreamTlsContext. */
  readonly more?: Json;
}

/** The transport socket of a listener that takes callers of its trust domain, and nobody else. */
export function serverSocket(tls: ServerTls): Json {
  const { identity, source = 'files', alpn = ['h2', 'http/1.1'], common = {} } = tls;
  const { callers = [new URL('/', identity.spiffeId).href] } = tls;
  const rules = {
    match_typed_subject_alt_names: callers.map((prefix) => ({ san_type: 'URI', matcher: { prefix } })),
  };
  return socket('DownstreamTlsContext', {
    require_client_certificate: true,
    common_tls_context: { ...commonSecrets(source, identity, rules), alpn_protocols: alpn, ...common },
  });
}

/** The transport socket of a cluster, as istiod writes it: names by the older field, which is for names of any kind. */
export function clientSocket(tls: ClientTls): Json {
  const { identity, source = 'files', servers, sni, alpn = [], common = {}, more = {} } = tls;
  const rules = servers.length > 0 ? { match_subject_alt_names: servers.map((exact) => ({ exact })) } : {};
  return socket('UpstreamTlsContext', {
    ...(sni !== undefined && { sni }),
    common_tls_context: {
      ...commonSecrets(source, identity, rules),
      ...(alpn.length > 0 && { alpn_protocols: alpn }),
      ...common,
    },
    ...more,
  });
}

/** The protocol of a cluster, and other fields of HttpProtocolOptions. */
export function protocolOptions(choice: 'http1' | 'http2' | 'auto' | 'downstream', more: Json = {}): Json {
  const choices = {
    http1: { explicit_http_config: { http_protocol_options: {} } },
    http2: { explicit_http_config: { http2_protocol_options: {} } },
    auto: { auto_config: { http_protocol_options: {}, http2_protocol_options: {} } },
    downstream: { use_downstream_protocol_config: { http_protocol_options: {}, http2_protocol_options: {} } },
  };
  return {
    typed_extension_protocol_options: {
      [OPTIONS]: { '@type': `type.googleapis.com/${OPTIONS}`, ...choices[choice], ...more },
    },
  };
}

function socket(type: string, context: Json): Json {
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: { '@type': `${TLS}.${type}`, ...context },
  };
}
