import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { Agent, type IncomingMessage, request } from 'node:http';
import { createConnection } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import type { Fetch } from './calls.ts';
import type { Child, Children } from './children.ts';

export const ENVOY_NODE = 'envoy';

/** Milliseconds between two attempts to connect, and until Envoy must listen. */
const RETRY_MS = 50;
const PATIENCE_MS = 10_000;

/** Where Envoy is, if it is; the same place as for the tests with real peers. */
export function findEnvoy(env: NodeJS.ProcessEnv): string | null {
  const path = join(env.PEERS_HOME ?? join(homedir(), '.cache', 'mesh-peers'), 'bin', 'envoy');
  return existsSync(path) ? path : null;
}

/** Starts Envoy on the feed. It listens where the feed's listeners say; its admin interface stays off. */
export async function startEnvoy(
  children: Children,
  path: string,
  { folder, planePort, listenerPorts }: { folder: string; planePort: number; listenerPorts: Iterable<number> },
): Promise<Child> {
  const config = join(folder, 'envoy.json');
  await writeFile(config, JSON.stringify(bootstrap(planePort), null, 2));
  // Without hot restart there is no shared memory, so no base id that another Envoy on this machine could have taken.
  const args = ['-c', config, '--disable-hot-restart', '--concurrency', '1', '--log-level', 'warn'];
  const envoy = children.spawn('envoy', path, args);
  for (const port of listenerPorts) await listening(envoy, port);
  return envoy;
}

/**
 * Makes calls to the listener of their host and port, as in a pod whose traffic is redirected to a sidecar. The built-in fetch
 * would do but for one thing: it does not let its caller say which `Host` to send to an address.
 */
export function fetchThrough(listeners: ReadonlyMap<string, number>): Fetch {
  const agent = new Agent({ keepAlive: true });
  return (url) =>
    new Promise((resolve, reject) => {
      const { host, pathname } = new URL(url);
      const port = listeners.get(host);
      const call = request({ host: '127.0.0.1', port, path: pathname, headers: { host }, agent });
      call.once('response', (message) => resolve(responseOf(message)));
      call.once('error', reject);
      call.end();
    });
}

function responseOf(message: IncomingMessage): Response {
  const headers = Object.entries(message.headers).map(([name, value]): [string, string] => [name, String(value)]);
  return new Response(Readable.toWeb(message) as ReadableStream, { status: message.statusCode ?? 0, headers });
}

function bootstrap(planePort: number): object {
  const source = { ads: {}, resource_api_version: 'V3' };
  const http2 = 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
  const address = { socket_address: { address: '127.0.0.1', port_value: planePort } };
  return {
    node: { id: ENVOY_NODE, cluster: 'bookinfo' },
    dynamic_resources: {
      ads_config: {
        api_type: 'GRPC',
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: 'control-plane' } }],
      },
      lds_config: source,
      cds_config: source,
    },
    static_resources: {
      clusters: [
        {
          name: 'control-plane',
          type: 'STATIC',
          typed_extension_protocol_options: {
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
              '@type': http2,
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
          load_assignment: {
            cluster_name: 'control-plane',
            endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }],
          },
        },
      ],
    },
  };
}

/** Envoy opens a listener once its routes are there, and has no other way to say so without an admin port. */
async function listening(envoy: Child, port: number): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!(await connects(port))) {
    if (performance.now() > end) throw new Error(`Envoy does not listen on ${port}\n${envoy.said}`);
    await pause(RETRY_MS);
  }
}

function connects(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
