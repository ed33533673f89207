import { createMesh, type Mesh } from 'inmesh';
import { service } from '../../support/feed.ts';
import { hurriedClock } from '../../support/hurried-clock.ts';
import { startHttp, type Upstream } from '../../support/servers.ts';
import { Load } from './load.ts';
import type { Plane } from './plane.ts';

/** How much faster than ours the mesh's time runs: its timeouts of seconds come within a test, and in the same order. */
export const SPEED = 10;

/** PINGs as they go to istiod, in the mesh's time. */
const keepalive = { intervalMs: 30_000, timeoutMs: 10_000 };

/**
 * What is claimed: so long after a control plane is well again, in the mesh's time, its new configuration is in force. A dead
 * connection is noticed (interval and timeout of PINGs), a last attempt to connect may just have begun (10 s), and a wait
 * until the next one, of 120 s and a fifth of jitter at the most (gRFC A57).
 */
const RECOVERY_MS = 30_000 + 10_000 + 10_000 + 144_000;

/** Calls that make a fault last, some tenths of a second of thirty callers. */
export const CALLS = 2_000;

const NAME = 'reviews:9080';

export interface SceneOptions {
  readonly delta?: boolean;
  readonly features?: readonly string[];
  /** Where the mesh finds the control plane. Default: where it is. */
  readonly via?: string;
  /** Default true. */
  readonly pings?: boolean;
}

/** A service in use by thirty callers, and a control plane that moves it from one endpoint to another. */
export class Scene implements AsyncDisposable {
  readonly mesh: Mesh;
  readonly load: Load;
  readonly plane: Plane;
  readonly #before: Upstream;
  readonly #after: Upstream;

  private constructor(plane: Plane, mesh: Mesh, before: Upstream, after: Upstream) {
    this.plane = plane;
    this.mesh = mesh;
    this.load = new Load(mesh, `http://${NAME}/`);
    this.#before = before;
    this.#after = after;
  }

  static async start<P extends Plane>(
    startPlane: (resources: ReturnType<typeof service>) => Promise<P>,
    options: SceneOptions | ((plane: P) => Promise<SceneOptions>) = {},
  ): Promise<Scene & { readonly plane: P }> {
    const before = await startHttp();
    const after = await startHttp();
    const plane = await startPlane(resourcesFor(before));
    try {
      const mesh = await meshFor(plane, typeof options === 'function' ? await options(plane) : options);
      const scene = new Scene(plane, mesh, before, after);
      await scene.load.more(CALLS);
      return scene as Scene & { readonly plane: P };
    } catch (error) {
      await Promise.all([plane.close(), before.close(), after.close()]);
      throw error;
    }
  }

  /** The service as it is at first. */
  get old(): ReturnType<typeof service> {
    return resourcesFor(this.#before);
  }

  /** The service on its new endpoint. */
  get young(): ReturnType<typeof service> {
    return resourcesFor(this.#after);
  }

  get connected(): boolean {
    return this.mesh.feed()?.stream.connected === true;
  }

  /** The control plane has said that there is no listener any more. */
  get removalHeard(): boolean {
    return this.mesh.feed()?.resources.some(({ kind, error }) => kind === 'listener' && error !== null) === true;
  }

  /** The mesh has noticed that its control plane is not there. */
  noticed(): Promise<void> {
    return this.load.until(() => !this.connected, 'the loss of the control plane is noticed', RECOVERY_MS / SPEED);
  }

  /** Calls go to the new endpoint within the bound, and no call has failed until then. */
  async recovers(): Promise<void> {
    const { load } = this;
    const answer = `${this.#after.port}`;
    await load.until(() => load.answer === answer, 'the new configuration is in force', RECOVERY_MS / SPEED);
    await load.more(CALLS);
    load.assertNoFailure();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.load[Symbol.asyncDispose]();
    this.mesh.close();
    await this.plane.close();
    await Promise.all([this.#before.close(), this.#after.close()]);
  }
}

function meshFor(
  { address }: Plane,
  { delta = false, features = [], via = address, pings = true }: SceneOptions,
): Promise<Mesh> {
  return createMesh({
    overrides: {
      node: { id: 'faults' },
      servers: [{ uri: via, keepalive: pings ? keepalive : { intervalMs: 0, timeoutMs: 0 }, delta, features }],
    },
    flavour: 'grpc',
    env: {},
    clock: hurriedClock(SPEED),
  });
}

function resourcesFor({ port }: Upstream): ReturnType<typeof service> {
  return service(NAME, [port]);
}
