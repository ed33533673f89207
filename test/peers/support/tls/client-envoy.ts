import { Envoy } from '../envoy.ts';
import { host, to } from '../feed.ts';
import { freePorts } from '../ports.ts';

type Json = Record<string, unknown>;

const FILTERS = 'type.googleapis.com/envoy.extensions.filters';

/** A real Envoy as sidecar of a caller: the authority of a call is the name of the cluster that takes it. */
export class ClientEnvoy {
  readonly port: number;
  readonly envoy: Envoy;

  private constructor(port: number, envoy: Envoy) {
    this.port = port;
    this.envoy = envoy;
  }

  /**
   * `ads`: port of a control plane which has those of the clusters that are named in `served`, and their secrets. (Envoy 1.40 dies of a
   * static cluster whose secrets come over ADS.)
   */
  static async start(
    node: string,
    clusters: readonly Json[],
    { ads, served = [] }: { readonly ads?: number; readonly served?: readonly string[] } = {},
  ): Promise<ClientEnvoy> {
    const [port = 0] = await freePorts(1);
    const names = [...clusters.map(({ name }) => `${name}`), ...served];
    const staticResources = { listeners: [outbound(port, names)], clusters };
    return new ClientEnvoy(port, await Envoy.start({ node, ...(ads !== undefined && { ads }), staticResources }));
  }

  stop(): Promise<void> {
    return this.envoy.stop();
  }
}

/** A cluster of one endpoint on the loopback; `more`: its transport socket, protocol options and the like. */
export function staticCluster(name: string, port: number, more: Json = {}): Json {
  const address = { socket_address: { address: '127.0.0.1', port_value: port } };
  return {
    name,
    type: 'STATIC',
    connect_timeout: '5s',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
    ...more,
  };
}

function outbound(port: number, names: readonly string[]): Json {
  const manager = {
    '@type': `${FILTERS}.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'outbound',
    route_config: { validate_clusters: false, virtual_hosts: names.map((name) => host(name, [name], [to(name)])) },
    http_filters: [{ name: 'router', typed_config: { '@type': `${FILTERS}.http.router.v3.Router` } }],
  };
  return {
    name: 'outbound',
    address: { socket_address: { address: '127.0.0.1', port_value: port } },
    filter_chains: [{ filters: [{ name: 'hcm', typed_config: manager }] }],
  };
}
