import assert from 'node:assert/strict';
import { type ControlPlane, type ResourceInput, startControlPlane } from '@inmesh/control-plane';
import { createMesh, type Mesh, type MeshOptions } from 'inmesh';

/** A control plane and meshes fed by it; what was started in a test ends with it. */
export class Scene implements AsyncDisposable {
  readonly plane: ControlPlane;
  readonly #meshes: Mesh[] = [];
  readonly #others: (() => unknown)[] = [];
  readonly warnings: Error[] = [];

  private constructor(plane: ControlPlane) {
    this.plane = plane;
  }

  static async start(resources: Iterable<ResourceInput> = []): Promise<Scene> {
    return new Scene(await startControlPlane({ resources }));
  }

  async mesh(options: MeshOptions = {}): Promise<Mesh> {
    const mesh = await createMesh({
      bootstrapConfig: bootstrapFor(this.plane.address),
      env: {},
      onWarning: (warning) => this.warnings.push(warning),
      ...options,
    });
    this.#meshes.push(mesh);
    return mesh;
  }

  /** Takes over the end of something that the test started. */
  use<T extends { close(): unknown }>(started: T): T {
    this.#others.push(() => started.close());
    return started;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const mesh of this.#meshes) mesh.close();
    for (const close of this.#others) await close();
    await this.plane.close();
  }
}

/** gRPC's bootstrap, as istio-agent writes it. */
export function bootstrapFor(address: string, node = 'test-node'): string {
  return JSON.stringify({
    xds_servers: [{ server_uri: address, channel_creds: [{ type: 'insecure' }], server_features: ['xds_v3'] }],
    node: { id: node },
  });
}

/** What keeps this process alive, but for the waiting itself. */
export function openResources(): string {
  return process
    .getActiveResourcesInfo()
    .filter((name) => name !== 'Immediate')
    .sort()
    .join();
}

/** Waits, a turn of the event loop at a time, until a condition holds; fails after fifteen seconds of turns. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const start = performance.now();
  while (!condition()) {
    assert.ok(performance.now() - start < 15_000, `it never came true: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
