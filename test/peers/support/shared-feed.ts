import { type ControlPlane, type ResourceInput, startControlPlane } from '@inmesh/control-plane';
import { createMesh, type Mesh } from 'inmesh';
import { Envoy } from './envoy.ts';
import { answer, host, listener, routes } from './feed.ts';
import { freePorts } from './ports.ts';
import { envoySide, meshSide, type Side } from './sides.ts';
import { until } from './until.ts';

/** Path of a route that tells which version of the feed answers: it reaches Envoy's worker after all that came before it. */
const VERSION_PATH = '/feed-version';

export interface FeedContent {
  readonly virtualHosts: readonly Record<string, unknown>[];
  /** Clusters and endpoints. */
  readonly resources: readonly ResourceInput[];
  /** False: the listener is not part of the feed. Default true. */
  readonly listener?: boolean;
}

/**
 * One embedded control plane that feeds a real Envoy and inmesh with the same resources: one listener `edge`, its routes,
 * clusters and endpoints. inmesh is told by its bootstrap that every service's listener is that one, as a sidecar's is.
 */
export class SharedFeed {
  readonly plane: ControlPlane;
  readonly envoy: Envoy;
  readonly mesh: Mesh;
  readonly port: number;
  readonly sides: readonly [Side, Side];
  #version = 1;

  private constructor(plane: ControlPlane, envoy: Envoy, mesh: Mesh, port: number) {
    this.plane = plane;
    this.envoy = envoy;
    this.mesh = mesh;
    this.port = port;
    this.sides = [envoySide(envoy, port), meshSide(mesh)];
  }

  static async start(content: FeedContent): Promise<SharedFeed> {
    const [port = 0] = await freePorts(1);
    const plane = await startControlPlane({ resources: resourcesOf(content, port, 1) });
    const envoy = await Envoy.start({ node: 'envoy', ads: Number(plane.address.split(':')[1]) });
    const mesh = await createMesh({
      bootstrapConfig: JSON.stringify({
        xds_servers: [{ server_uri: plane.address, channel_creds: [{ type: 'insecure' }] }],
        node: { id: 'inmesh' },
        client_default_listener_resource_name_template: 'edge',
      }),
      env: {},
      domains: ['*.example', '*.test', 'localhost'],
    });
    const feed = new SharedFeed(plane, envoy, mesh, port);
    await feed.#settled(content);
    return feed;
  }

  /** Changes the feed; resolves when both have acknowledged it and Envoy's worker routes by it. */
  async change(content: FeedContent): Promise<void> {
    this.#version++;
    this.plane.update(resourcesOf(content, this.port, this.#version));
    await this.#settled(content);
  }

  async stop(): Promise<void> {
    for (const side of this.sides) await side.close();
    await this.envoy.stop();
    await this.plane.close();
  }

  async #settled({ listener: listening = true }: FeedContent): Promise<void> {
    if (!listening) {
      await until('both have taken the removal', () => this.#acknowledged());
      return;
    }
    // inmesh asks by name: it subscribes with the first call. Envoy's listener may not be open at the first try.
    for (const side of this.sides) {
      await until(`${side.name} routes by version ${this.#version}`, async () => {
        const { body } = await side.call({ authority: 'feed-version', path: VERSION_PATH });
        return body === `${this.#version}`;
      });
    }
    await until('both have acknowledged everything', () => this.#acknowledged());
  }

  #acknowledged(): boolean {
    const { nodes } = this.plane.status();
    for (const { id, types } of nodes) {
      for (const [typeUrl, { nack, sentVersion, ackedVersion }] of Object.entries(types)) {
        if (nack !== null) throw new Error(`${id} refused ${typeUrl}: ${nack.message}`);
        if (sentVersion !== ackedVersion) return false;
      }
    }
    return ['envoy', 'inmesh'].every((id) => nodes.some((node) => node.id === id));
  }
}

function resourcesOf(
  { virtualHosts, resources, listener: listening = true }: FeedContent,
  port: number,
  version: number,
) {
  const marker = host('feed-version', ['feed-version'], [answer(200, `${version}`, { path: VERSION_PATH })]);
  return [
    ...(listening ? [listener('edge', port, 'edge-routes')] : []),
    routes('edge-routes', [marker, ...virtualHosts]),
    ...resources,
  ];
}
