import { Envoy } from '../envoy.ts';
import { host, to } from '../feed.ts';
import { freePorts } from '../ports.ts';
import { type ServerTls, serverSocket } from './contexts.ts';

type Json = Record<string, unknown>;

const FILTERS = 'type.googleapis.com/envoy.extensions.filters';

/**
 * Whom the sidecar lets in. `strict`: peers with a certificate only. `permissive`: also calls in the clear; what is TLS
 * must say by ALPN that it is the mesh's, as istiod's listeners have it. `plain`: calls in the clear.
 */
export type SidecarMode = 'strict' | 'permissive' | 'plain';

export interface SidecarOptions {
  readonly node: string;
  /** Port of the service behind it. */
  readonly app: number;
  /** Null only where the mode is `plain`. */
  readonly tls: ServerTls | null;
  readonly mode: SidecarMode;
  /** Port of the control plane that has its secrets, where they come from there. */
  readonly ads?: number;
  /** What the service behind it speaks. Default HTTP/1.1. */
  readonly appOptions?: Json;
  /** More of the connection manager, such as `http2_protocol_options`. */
  readonly manager?: Json;
}

/** What the sidecar saw of a call; it says so in headers of the response. */
export interface SeenBySidecar {
  /** URI names of the caller's certificate. */
  readonly peer: string;
  readonly sni: string;
  /** `HTTP/1.1` or `HTTP/2`. */
  readonly protocol: string;
  /** `TLSv1.3`; empty in the clear. */
  readonly tls: string;
  /** The filter chain: `mtls` or `plaintext`. */
  readonly chain: string;
  /** The same for calls on one connection. */
  readonly connection: string;
}

/** Names of the mesh's protocols, which permissive listeners know its calls by. (istio: `mtlsHTTPALPNs`) */
const MESH_ALPN = ['istio', 'istio-peer-exchange', 'istio-http/1.0', 'istio-http/1.1', 'istio-h2'];

/** A real Envoy in front of a service, as the sidecar of its pod. It keeps its port over restarts. */
export class Sidecar {
  readonly port: number;
  readonly #options: SidecarOptions;
  envoy: Envoy;

  private constructor(options: SidecarOptions, port: number, envoy: Envoy) {
    this.#options = options;
    this.port = port;
    this.envoy = envoy;
  }

  static async start(options: SidecarOptions): Promise<Sidecar> {
    const [port = 0] = await freePorts(1);
    return new Sidecar(options, port, await startEnvoy(options, port));
  }

  async restart(): Promise<void> {
    this.envoy = await startEnvoy(this.#options, this.port);
  }

  /** A counter or gauge of the listener, such as `ssl.session_reused`; 0 for one that was never counted. */
  async stat(name: string): Promise<number> {
    const full = `listener.inbound.${name}`;
    const text = await (await fetch(`${this.envoy.admin}/stats?filter=${encodeURIComponent(`^${full}$`)}`)).text();
    return Number(text.split(': ')[1] ?? 0);
  }

  stop(): Promise<void> {
    return this.envoy.stop();
  }
}

/** What the sidecar saw, of the headers of a response. */
export function seenBySidecar(headers: { get(name: string): string | null }): SeenBySidecar {
  const saw = (what: string) => (headers.get(`x-saw-${what}`) ?? '').replace(/^-$/, '');
  return {
    peer: saw('peer'),
    sni: saw('sni'),
    protocol: saw('protocol'),
    tls: saw('tls'),
    chain: saw('chain'),
    connection: saw('connection'),
  };
}

const SAW = {
  peer: '%DOWNSTREAM_PEER_URI_SAN%',
  sni: '%REQUESTED_SERVER_NAME%',
  protocol: '%PROTOCOL%',
  tls: '%DOWNSTREAM_TLS_VERSION%',
  chain: '%FILTER_CHAIN_NAME%',
  connection: '%CONNECTION_ID%',
};

function startEnvoy(options: SidecarOptions, port: number): Promise<Envoy> {
  const { node, app, ads, appOptions = {} } = options;
  return Envoy.start({
    node,
    ...(ads !== undefined && { ads }),
    staticResources: {
      listeners: [inbound(options, port)],
      clusters: [
        {
          name: 'app',
          type: 'STATIC',
          load_assignment: {
            cluster_name: 'app',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: address(app) } }] }],
          },
          ...appOptions,
        },
      ],
    },
  });
}

function inbound({ mode, tls, manager = {} }: SidecarOptions, port: number): Json {
  const saw = Object.entries(SAW).map(([name, value]) => ({ header: { key: `x-saw-${name}`, value } }));
  const more = { response_headers_to_add: saw };
  const hcm = {
    '@type': `${FILTERS}.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'inbound',
    http_protocol_options: { enable_trailers: true },
    upgrade_configs: [{ upgrade_type: 'websocket' }],
    forward_client_cert_details: 'APPEND_FORWARD',
    set_current_client_cert_details: { subject: true, uri: true, dns: true },
    route_config: { virtual_hosts: [host('app', ['*'], [to('app', '/', { timeout: '0s' })], more)] },
    http_filters: [{ name: 'router', typed_config: { '@type': `${FILTERS}.http.router.v3.Router` } }],
    ...manager,
  };
  const chain = (name: string, match: Json, socket: Json = {}) => ({
    name,
    filter_chain_match: match,
    filters: [{ name: 'hcm', typed_config: hcm }],
    ...socket,
  });
  const mtls = (match: Json) => chain('mtls', match, { transport_socket: serverSocket(required(tls)) });
  const chains = {
    strict: () => [mtls({ transport_protocol: 'tls' })],
    permissive: () => [
      mtls({ transport_protocol: 'tls', application_protocols: MESH_ALPN }),
      chain('plaintext', { transport_protocol: 'raw_buffer' }),
    ],
    plain: () => [chain('plaintext', {})],
  };
  return {
    name: 'inbound',
    stat_prefix: 'inbound',
    address: address(port),
    ...(mode === 'plain' ? {} : { listener_filters: [tlsInspector()] }),
    filter_chains: chains[mode](),
  };
}

function required(tls: ServerTls | null): ServerTls {
  if (tls === null) throw new Error('a sidecar that speaks TLS needs an identity: give it `tls`');
  return tls;
}

function tlsInspector(): Json {
  return {
    name: 'tls_inspector',
    typed_config: { '@type': `${FILTERS}.listener.tls_inspector.v3.TlsInspector` },
  };
}

function address(port: number): Json {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}
