import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createMesh, type Mesh } from 'inmesh';
import { Caller } from './calls.ts';
import { type Child, Children, type Exit } from './children.ts';
import { ENVOY_NODE, fetchThrough, findEnvoy, startEnvoy } from './envoy.ts';
import { Feed, type Instance } from './feed.ts';
import { Ledger } from './ledger.ts';
import { Load } from './load.ts';
import type { FromService } from './messages.ts';
import { Plane } from './plane.ts';
import { Ports } from './ports.ts';

const SERVICE = new URL('../service.ts', import.meta.url);
const MESH_FOLDER = fileURLToPath(new URL('../mesh.d', import.meta.url));

/** Node id of the demo itself. */
export const DEMO_NODE = 'demo';

/** Calls per second, small enough for two cores that also run a dozen processes; and calls in flight at most. */
const REVIEWS_PER_SECOND = 150;
const PAGES_PER_SECOND = 30;
const ENVOY_PER_SECOND = 60;
const MOST_IN_FLIGHT = 60;

export interface StageOptions {
  /** Milliseconds that each state of the feed is held. */
  readonly holdMs: number;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
}

/** All that the demo plays with: the feed, the processes, the mesh, the load, and the record of every call. */
export class Stage {
  readonly feed: Feed;
  readonly plane: Plane;
  readonly ledger: Ledger;
  readonly mesh: Mesh;
  readonly hasEnvoy: boolean;
  readonly #options: StageOptions;
  readonly #children: Children;
  readonly #services = new Map<string, Child>();
  readonly #tagged = new Map<string, (tag: string) => void>();
  readonly #callers: readonly Caller[];
  readonly #loads: Load[] = [];
  #tag = '';

  private constructor(
    options: StageOptions,
    children: Children,
    parts: { feed: Feed; plane: Plane; mesh: Mesh; hasEnvoy: boolean },
  ) {
    this.#options = options;
    this.#children = children;
    this.feed = parts.feed;
    this.plane = parts.plane;
    this.mesh = parts.mesh;
    this.hasEnvoy = parts.hasEnvoy;
    this.ledger = new Ledger(new Map(parts.feed.instances.map(({ name, port }) => [addressOf(port), name])));
    const note = this.ledger.add.bind(this.ledger);
    this.#callers = [
      new Caller(DEMO_NODE, '', this.mesh.fetch, note),
      new Caller(ENVOY_NODE, '', fetchThrough(parts.feed.listeners), note),
    ];
  }

  /** Starts everything, hands it to `play`, and ends everything, whatever happens. */
  static async with(options: StageOptions, play: (stage: Stage) => Promise<void>): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'inmesh-bookinfo-'));
    const children = new Children(join(folder, 'compiled'));
    const removeFolder = () => rmSync(folder, { recursive: true, force: true });
    process.on('exit', removeFolder);
    const opened: Disposable[] = [];
    const stopped = Promise.withResolvers<never>();
    const stop = () => stopped.reject(options.signal.reason);
    options.signal.addEventListener('abort', stop);
    if (options.signal.aborted) stop();
    const whole = async () => {
      const ports = new Ports();
      const feed = await Feed.copy(MESH_FOLDER, join(folder, 'mesh.d'), ports);
      const plane = new Plane(children, feed.folder, await ports.free());
      await plane.start();
      const mesh = await createMesh({ bootstrapConfig: bootstrap(DEMO_NODE, plane.port) });
      const envoy = findEnvoy(options.env);
      const stage = new Stage(options, children, { feed, plane, mesh, hasEnvoy: envoy !== null });
      opened.push(stage);
      if (envoy !== null) {
        await startEnvoy(children, envoy, { folder, planePort: plane.port, listenerPorts: feed.listeners.values() });
      }
      // The first one leaves what it compiled to the others.
      const [first, ...others] = feed.instances as [Instance, ...Instance[]];
      await stage.start(first);
      await Promise.all(others.map((instance) => stage.start(instance)));
      await mesh.ready({ services: ['http://productpage:9080', 'http://reviews:9080'] });
      stage.#load();
      await play(stage);
    };
    try {
      await Promise.race([whole(), children.lost, stopped.promise]);
    } finally {
      options.signal.removeEventListener('abort', stop);
      for (const each of opened) each[Symbol.dispose]();
      await children.end();
      await rm(folder, { recursive: true, force: true });
      process.off('exit', removeFolder);
    }
  }

  instance(name: string): Instance {
    const found = this.feed.instances.find((instance) => instance.name === name);
    if (found === undefined) throw new Error(`the feed does not name ${name}`);
    return found;
  }

  /** Starts a service; resolves when it takes calls. */
  async start({ name, cluster, port }: Instance): Promise<void> {
    const ready = Promise.withResolvers<void>();
    const service = this.#children.fork<FromService>(
      name,
      SERVICE,
      [name, cluster, `${port}`],
      { GRPC_XDS_BOOTSTRAP: '', INMESH_BOOTSTRAP: '', GRPC_XDS_BOOTSTRAP_CONFIG: bootstrap(name, this.plane.port) },
      (message) => {
        if (message.type === 'ready') ready.resolve();
        else if (message.type === 'tagged') this.#tagged.get(name)?.(message.tag);
        else for (const call of message.calls) this.ledger.add(call);
      },
    );
    this.#services.set(name, service);
    await ready.promise;
    await this.#retag(name, service, this.#tag);
  }

  /** Ends a service by a signal; resolves when its process is gone. */
  end({ name }: Instance, signal: NodeJS.Signals): Promise<Exit> {
    const service = this.#services.get(name);
    if (service === undefined) throw new Error(`${name} does not run`);
    this.#services.delete(name);
    return service.end(signal);
  }

  /** Marks all calls from now on; resolves when all earlier ones have ended and are in the ledger. */
  async turn(tag: string): Promise<void> {
    this.#tag = tag;
    await Promise.all(this.#callers.map((caller) => caller.retag(tag)));
    await Promise.all([...this.#services].map(([name, service]) => this.#retag(name, service, tag)));
  }

  /** Lets the load run for a while. */
  async hold(): Promise<void> {
    await pause(this.#options.holdMs, undefined, { signal: this.#options.signal });
  }

  /** The demo's own view of an endpoint: live counters. */
  endpointStats({ cluster, port }: Instance): { readonly rq_active: number; readonly cx_connect_fail: number } {
    const stats = this.mesh.statistics().endpoints[cluster]?.[addressOf(port)];
    return { rq_active: stats?.rq_active ?? 0, cx_connect_fail: stats?.cx_connect_fail ?? 0 };
  }

  /** Ends the load and the demo's own mesh. */
  [Symbol.dispose](): void {
    for (const load of this.#loads) load.stop();
    this.mesh.close();
  }

  async #retag(name: string, service: Child, tag: string): Promise<void> {
    const answered = new Promise<void>((resolve) => {
      this.#tagged.set(name, (told) => {
        if (told === tag) resolve();
      });
    });
    service.send({ type: 'tag', tag });
    await Promise.race([answered, service.exited]);
  }

  #load(): void {
    const [own, envoy] = this.#callers as readonly [Caller, Caller];
    const reviews = () => own.call('reviews', 'http://reviews:9080/reviews/0');
    const pages = () => own.call('productpage', 'http://productpage:9080/productpage');
    this.#loads.push(new Load({ perSecond: REVIEWS_PER_SECOND, most: MOST_IN_FLIGHT, call: reviews }));
    this.#loads.push(new Load({ perSecond: PAGES_PER_SECOND, most: MOST_IN_FLIGHT, call: pages }));
    if (!this.hasEnvoy) return;
    const through = () => envoy.call('reviews', 'http://reviews:9080/reviews/0');
    this.#loads.push(new Load({ perSecond: ENVOY_PER_SECOND, most: MOST_IN_FLIGHT, call: through }));
  }
}

function addressOf(port: number): string {
  return `127.0.0.1:${port}`;
}

/** What gRPC programs read from GRPC_XDS_BOOTSTRAP_CONFIG. */
function bootstrap(nodeId: string, port: number): string {
  return JSON.stringify({
    xds_servers: [{ server_uri: addressOf(port), channel_creds: [{ type: 'insecure' }], server_features: ['xds_v3'] }],
    node: { id: nodeId, cluster: 'bookinfo' },
  });
}
