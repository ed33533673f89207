import { type ControlPlane, type ResourceInput, startControlPlane } from '@inmesh/control-plane';
import { createMesh, type Mesh } from 'inmesh';
import { type AccessLogLine, Envoy } from '../peers/support/envoy.ts';
import { until } from '../peers/support/until.ts';
import type { Answer, Pair } from './case.ts';
import { callMesh, EnvoyClient, type Sent } from './clients.ts';
import type { Arrival, Observation } from './observation.ts';
import { CALL_HEADER, type Recorders } from './upstream/recorders.ts';

/** Milliseconds after which a malformed call is taken to have left no line in Envoy's log; a line is written within 20. */
const RAW_LOG_MS = 400;

/** Milliseconds in which a copy of a request must arrive at its mirror. */
const COPIES_MS = 5_000;

/** What both sides showed of one request. */
export interface Both {
  readonly envoy: Observation;
  readonly inmesh: Observation;
}

/** A refusal that a side has sent to the control plane, by node and type URL. */
export interface Refusals {
  readonly envoy: readonly string[];
  readonly inmesh: readonly string[];
}

/** What each side is served. */
export interface TwinFeed {
  readonly envoy: readonly ResourceInput[];
  readonly inmesh: readonly ResourceInput[];
}

/** The same for both. */
export function sameFeed(resources: readonly ResourceInput[]): TwinFeed {
  return { envoy: resources, inmesh: resources };
}

/** One control plane, one real Envoy and inmesh on the same feed, and the upstreams that record. */
export class Twin {
  readonly plane: ControlPlane;
  readonly envoy: Envoy;
  readonly mesh: Mesh;
  readonly recorders: Recorders;
  /** Services of which Envoy alone lost a call, which was asked again: its counters are its own. */
  readonly lost: Set<string> = new Set();
  readonly #client = new EnvoyClient();
  #calls = 0;

  private constructor(plane: ControlPlane, envoy: Envoy, mesh: Mesh, recorders: Recorders) {
    this.plane = plane;
    this.envoy = envoy;
    this.mesh = mesh;
    this.recorders = recorders;
  }

  static async start(feed: TwinFeed, recorders: Recorders): Promise<Twin> {
    const plane = await startControlPlane();
    serve(plane, feed, recorders);
    const envoy = await Envoy.start({ node: 'envoy', ads: Number(plane.address.split(':')[1]) });
    const mesh = await createMesh({
      bootstrapConfig: JSON.stringify({
        // Incremental, because then a resource that does not exist is known at once, and not when its 15 seconds are over.
        xds_servers: [
          { server_uri: plane.address, channel_creds: [{ type: 'insecure' }], server_features: ['inmesh.delta'] },
        ],
        node: { id: 'inmesh' },
      }),
      env: {},
      outsideMesh: 'refuse',
      onWarning: () => {},
    });
    return new Twin(plane, envoy, mesh, recorders);
  }

  /** The request through both, at the same time. `service` is the listener's name, `port` where Envoy opened it. */
  async ask(service: string, port: number, sent: Sent, answers: readonly Answer[], logged = true): Promise<Both> {
    const number = this.#nextNumber();
    const [envoy, inmesh] = await Promise.all([
      this.#ofEnvoy(port, sent, `e${number}`, answers, logged),
      this.#ofMesh(service, sent, `m${number}`, answers),
    ]);
    return { envoy, inmesh: logged ? inmesh : { ...inmesh, flags: '-', details: null } };
  }

  /** The request through inmesh alone. */
  askMesh(service: string, sent: Sent, answers: readonly Answer[]): Promise<Observation> {
    return this.#ofMesh(service, sent, `m${this.#nextNumber()}`, answers);
  }

  /** Changes what is served. */
  update(feed: TwinFeed): void {
    serve(this.plane, feed, this.recorders);
  }

  /**
   * Resolves once both have taken all that the control plane serves, or refused it, and what inmesh asked for in consequence has come: routes
   * are acknowledged before the clusters that they are the first to name are there, and the routes before them serve until then.
   */
  async acknowledged(): Promise<Refusals> {
    return until('both have answered for everything that was sent', () => (this.#asking ? null : this.#answers()));
  }

  get #asking(): boolean {
    return this.mesh.feed()?.resources.some(({ state }) => state === 'REQUESTED') ?? false;
  }

  /** Connections to Envoy's listeners are made anew from now on. */
  renewConnections(): void {
    this.#client.renew();
  }

  async stop(): Promise<void> {
    this.#client.close();
    this.mesh.close();
    await this.envoy.stop();
    await this.plane.close();
    await this.recorders.close();
  }

  async #ofEnvoy(
    port: number,
    sent: Sent,
    call: string,
    answers: readonly Answer[],
    logged: boolean,
  ): Promise<Observation> {
    this.recorders.expect(call, answers);
    const reply = await this.#client.call(port, marked(sent, call));
    const { flags, details, cluster, host } = logged ? await this.#logOf(call, sent) : NO_LOG;
    const upstream = details === 'via_upstream' ? null : details;
    return {
      side: 'envoy',
      reply,
      flags,
      details: upstream,
      cluster,
      endpoint: host,
      arrivals: await this.#arrivals(call, sent),
    };
  }

  async #ofMesh(service: string, sent: Sent, call: string, answers: readonly Answer[]): Promise<Observation> {
    this.recorders.expect(call, answers);
    const seen = await callMesh(this.mesh, service, marked(sent, call));
    return { side: 'inmesh', ...seen, arrivals: await this.#arrivals(call, sent) };
  }

  /** What is no HTTP gets no line in the log: Envoy's codec refuses it, before there is a call. */
  async #logOf(call: string, { raw = false }: Sent): Promise<AccessLogLine> {
    if (!raw) return this.envoy.logOf(call);
    const none = { call, flags: 'DPE', details: 'http1.codec_error', cluster: null, host: null };
    return this.envoy.logOf(call, { within: RAW_LOG_MS }).catch(() => none);
  }

  #nextNumber(): string {
    return String(++this.#calls).padStart(8, '0');
  }

  /** Copies come when they come: those that are expected are waited for. */
  async #arrivals(call: string, { copies = 0 }: Sent): Promise<readonly Arrival[]> {
    const enough = () => this.recorders.arrivalsOf(call).length >= copies;
    if (!enough()) await until('the copies', enough, { within: COPIES_MS }).catch(() => {});
    const arrivals = this.recorders.arrivalsOf(call);
    this.recorders.forget(call);
    return arrivals;
  }

  #answers(): Refusals | null {
    const { nodes } = this.plane.status();
    const refusals = { envoy: [] as string[], inmesh: [] as string[] };
    for (const { id, types } of nodes) {
      for (const { nack, sentVersion, ackedVersion } of Object.values(types)) {
        if (nack !== null && nack.version === sentVersion) refusals[id as keyof Refusals]?.push(nack.message);
        else if (sentVersion !== ackedVersion) return null;
      }
    }
    return nodes.some(({ id }) => id === 'envoy') ? refusals : null;
  }
}

function serve(plane: ControlPlane, { envoy, inmesh }: TwinFeed, { upstream }: Recorders): void {
  const led = (resources: readonly ResourceInput[]) => resources.map((each) => upstream.lead(each));
  if (envoy === inmesh) plane.update(led(envoy));
  else {
    plane.update(led(envoy), { node: 'envoy' });
    plane.update(led(inmesh), { node: 'inmesh' });
  }
}

function marked(sent: Sent, call: string): Sent {
  const mark: Pair = [CALL_HEADER, call];
  return { ...sent, headers: [...sent.headers, mark] };
}

const NO_LOG = { flags: '-', details: null, cluster: null, host: null };
