import { cp, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import type { Ports } from './ports.ts';

/** What the demo reads and changes of Envoy's resources; the rest passes through untouched. */
interface SocketAddress {
  socket_address: { port_value: number };
}
interface ListenerFile {
  resources: { name: string; address: SocketAddress }[];
}
interface LbEndpoint {
  endpoint: { hostname: string; address: SocketAddress };
}
interface EndpointFile {
  resources: { cluster_name: string; endpoints: [{ lb_endpoints: LbEndpoint[] }] }[];
}
interface RouteFile {
  resources: {
    virtual_hosts: [{ routes: [{ route: { weighted_clusters?: { clusters: { name: string; weight: number }[] } } }] }];
  }[];
}

/** A service process that the feed names. */
export interface Instance {
  readonly name: string;
  readonly cluster: string;
  readonly port: number;
}

/** Shares by cluster; they add up to 100. */
export type Split = { readonly [cluster: string]: number };

/** A copy of `mesh.d` that is edited as an operator would edit it: by saving files. */
export class Feed {
  readonly folder: string;
  readonly instances: readonly Instance[];
  /** Port of each listener, by its name: where Envoy takes calls to that service. */
  readonly listeners: ReadonlyMap<string, number>;
  readonly #routes: RouteFile;
  readonly #endpoints: EndpointFile;
  readonly #gone = new Map<string, LbEndpoint>();

  private constructor(folder: string, listeners: ListenerFile, endpoints: EndpointFile, routes: RouteFile) {
    this.folder = folder;
    this.#routes = routes;
    this.#endpoints = endpoints;
    this.listeners = new Map(listeners.resources.map(({ name, address }) => [name, portOf(address)]));
    this.instances = endpoints.resources.flatMap(({ cluster_name: cluster, endpoints: [{ lb_endpoints: all }] }) =>
      all.map(({ endpoint }) => ({ name: endpoint.hostname, cluster, port: portOf(endpoint.address) })),
    );
  }

  /** Copies the folder and gives every listener and endpoint a port that is free here. */
  static async copy(from: string, folder: string, ports: Ports): Promise<Feed> {
    await cp(from, folder, { recursive: true });
    const listeners = await read<ListenerFile>(folder, 'listeners.yaml');
    const endpoints = await read<EndpointFile>(folder, 'endpoints.yaml');
    for (const { address } of listeners.resources) address.socket_address.port_value = await ports.free();
    for (const { endpoints: localities } of endpoints.resources) {
      for (const { endpoint } of localities[0].lb_endpoints) {
        endpoint.address.socket_address.port_value = await ports.free();
      }
    }
    await save(folder, 'listeners.yaml', listeners);
    await save(folder, 'endpoints.yaml', endpoints);
    return new Feed(folder, listeners, endpoints, await read<RouteFile>(folder, 'routes.yaml'));
  }

  async split(split: Split): Promise<void> {
    for (const { virtual_hosts: hosts } of this.#routes.resources) {
      for (const cluster of hosts[0].routes[0].route.weighted_clusters?.clusters ?? []) {
        cluster.weight = split[cluster.name] ?? 0;
      }
    }
    await save(this.folder, 'routes.yaml', this.#routes);
  }

  async remove(instance: Instance): Promise<void> {
    const all = this.#listOf(instance);
    const at = all.findIndex(({ endpoint }) => endpoint.hostname === instance.name);
    for (const removed of all.splice(at, 1)) this.#gone.set(instance.name, removed);
    await save(this.folder, 'endpoints.yaml', this.#endpoints);
  }

  async add(instance: Instance): Promise<void> {
    const removed = this.#gone.get(instance.name);
    if (removed === undefined) throw new Error(`${instance.name} was not removed from the feed`);
    this.#gone.delete(instance.name);
    this.#listOf(instance).push(removed);
    await save(this.folder, 'endpoints.yaml', this.#endpoints);
  }

  #listOf({ cluster }: Instance): LbEndpoint[] {
    const found = this.#endpoints.resources.find((resource) => resource.cluster_name === cluster);
    if (found === undefined) throw new Error(`the feed has no endpoints of ${cluster}`);
    return found.endpoints[0].lb_endpoints;
  }
}

function portOf({ socket_address: { port_value: port } }: SocketAddress): number {
  return port;
}

async function read<T>(folder: string, file: string): Promise<T> {
  return parse(await readFile(join(folder, file), 'utf8')) as T;
}

/** In one step: nobody reads half a file. */
async function save(folder: string, file: string, content: object): Promise<void> {
  const draft = join(folder, `.${file}.draft`);
  await writeFile(draft, stringify(content));
  await rename(draft, join(folder, file));
}
