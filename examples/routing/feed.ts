import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ResourceInput } from '@inmesh/control-plane';
import { parse } from 'yaml';

const FOLDER = fileURLToPath(new URL('./mesh.d', import.meta.url));

/** What is changed of a cluster; the rest passes through untouched. */
interface StaticCluster {
  name: string;
  load_assignment: {
    endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { port_value: number } } } }] }];
  };
}

/** The resources of `mesh.d`, with the ports of the services that run. */
export async function feed(ports: ReadonlyMap<string, number>): Promise<ResourceInput[]> {
  const resources: ResourceInput[] = [];
  for (const file of await readdir(FOLDER)) {
    const content = parse(await readFile(join(FOLDER, file), 'utf8')) as { resources: ResourceInput[] };
    resources.push(...content.resources);
  }
  for (const resource of resources as unknown as StaticCluster[]) {
    const port = ports.get(resource.name);
    if (port === undefined || resource.load_assignment === undefined) continue;
    resource.load_assignment.endpoints[0].lb_endpoints[0].endpoint.address.socket_address.port_value = port;
  }
  return resources;
}
