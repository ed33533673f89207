import type { ResourceInput } from '@inmesh/control-plane';
import { TYPE_URL } from './feed.ts';
import { binaryOf } from './peers.ts';
import { freePorts } from './ports.ts';
import { PeerProcess } from './processes.ts';
import type { IdentityFiles } from './tls/trust.ts';
import { until } from './until.ts';

type Json = Record<string, unknown>;

const TYPE = 'type.googleapis.com/envoy';
/** Names a server's listener by its address. */
const TEMPLATE = 'grpc/server?xds.resource.listening_address=%s';

/** A call that a server has let in. */
export interface SeenCall {
  readonly method: string;
  /** The URI name of the caller's certificate. */
  readonly caller: string;
}

/** A real server of grpc-go on a free port, which serves as the listener of a feed says: see test/peers/grpc-go/serve.go. */
export class GrpcGoServer {
  readonly port: number;
  readonly calls: SeenCall[] = [];
  readonly #process: PeerProcess;
  #mode = '';

  private constructor(port: number, process: PeerProcess) {
    this.port = port;
    this.#process = process;
    process.onLine((line) => {
      if (!line.startsWith('{"')) return;
      const said = JSON.parse(line) as Partial<SeenCall> & { readonly mode?: string };
      const { method, caller } = said;
      if (said.mode !== undefined) this.#mode = said.mode;
      if (method !== undefined && caller !== undefined) this.calls.push({ method, caller });
    });
  }

  /** `plane`: the control plane's address. Its certificate and roots are files that it follows, under the instance name `default`. */
  static async start(plane: string, { chainFile, keyFile, rootFile }: IdentityFiles): Promise<GrpcGoServer> {
    const [port = 0] = await freePorts(1);
    const address = `127.0.0.1:${port}`;
    const files = { certificate_file: chainFile, private_key_file: keyFile, ca_certificate_file: rootFile };
    const bootstrap = {
      xds_servers: [{ server_uri: plane, channel_creds: [{ type: 'insecure' }], server_features: ['xds_v3'] }],
      node: { id: address },
      server_listener_resource_name_template: TEMPLATE,
      certificate_providers: {
        default: { plugin_name: 'file_watcher', config: { ...files, refresh_interval: '1s' } },
      },
    };
    const process = new PeerProcess(`grpc-go ${address}`, binaryOf('grpc-go-watcher'), ['serve', address], {
      GRPC_XDS_BOOTSTRAP_CONFIG: JSON.stringify(bootstrap),
    });
    return new GrpcGoServer(port, process);
  }

  /** Waits until it has its listener. */
  async serves(): Promise<void> {
    await until('the server of grpc-go serves', () => {
      if (!this.#process.alive) throw new Error(this.#process.log);
      return this.#mode === 'SERVING';
    });
  }

  /** Its listener: it takes callers with a certificate only, and of those the accounts that are named; null: whoever comes, in the clear. */
  listener(allowed: readonly string[] | null): ResourceInput {
    const instance = { instance_name: 'default' };
    const http = `${TYPE}.extensions.filters.http`;
    const manager: Json = {
      '@type': `${TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
      route_config: {
        name: 'inbound',
        virtual_hosts: [
          { name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, non_forwarding_action: {} }] },
        ],
      },
      http_filters: [
        ...(allowed === null
          ? []
          : [{ name: 'rbac', typed_config: { '@type': `${http}.rbac.v3.RBAC`, rules: rulesFor(allowed) } }]),
        { name: 'router', typed_config: { '@type': `${http}.router.v3.Router` } },
      ],
    };
    const tls: Json = {
      '@type': `${TYPE}.extensions.transport_sockets.tls.v3.DownstreamTlsContext`,
      require_client_certificate: true,
      common_tls_context: {
        tls_certificate_provider_instance: instance,
        validation_context: { ca_certificate_provider_instance: instance },
      },
    };
    return {
      '@type': TYPE_URL.listener,
      name: TEMPLATE.replace('%s', `127.0.0.1:${this.port}`),
      address: { socket_address: { address: '127.0.0.1', port_value: this.port } },
      filter_chains: [
        {
          name: 'all',
          filters: [{ name: 'hcm', typed_config: manager }],
          ...(allowed !== null && { transport_socket: { name: 'envoy.transport_sockets.tls', typed_config: tls } }),
        },
      ],
    } as ResourceInput;
  }

  stop(): Promise<void> {
    return this.#process.stop();
  }
}

function rulesFor(accounts: readonly string[]): Json {
  const principals = accounts.map((exact) => ({ authenticated: { principal_name: { exact } } }));
  return { action: 'ALLOW', policies: { callers: { permissions: [{ any: true }], principals } } };
}
