import type { Measured } from '../load/measure.ts';
import { Helper } from '../processes.ts';
import type { AdsAnswer, AdsQuestion, AdsServerOptions } from './ads-server.ts';
import type { ClientArgument, ClientQuestion, Figures } from './client.ts';
import { FedEnvoy } from './envoy.ts';
import {
  clustersPerService,
  clusterUrl,
  endpointsUrl,
  hostOf,
  listenerUrl,
  type Place,
  routeUrl,
} from './resources.ts';

/** What every case is told. */
export interface Scene {
  /** Where each client's calls are answered: over HTTP/1, and over HTTP/2. */
  readonly places: { readonly [S in Subject]: readonly Place[] };
  /** Of the sizes: 1 for those in the names of the cases. */
  readonly scale: number;
  /** How long there are updates. */
  readonly seconds: number;
}

/** One row: figures by their names. */
export type Found = Readonly<Record<string, number>>;

const CLUSTERS = 10_000;
const ENDPOINTS = 5_000;
const CALLED = 20;
const UPDATES_PER_SECOND = 1_000;

/** As many calls as one second of thirty callers makes need no more than this after the updates. */
const QUIET_SHARE = 0.5;

export type Subject = 'inmesh' | 'grpc-js-xds';

const programs: { readonly [S in Subject]: URL } = {
  inmesh: new URL('./client.ts', import.meta.url),
  'grpc-js-xds': new URL('./grpc-client.ts', import.meta.url),
};

/** A control plane and a client of it, both processes of their own. */
class Fed implements AsyncDisposable {
  readonly #plane: Helper;
  readonly #client: Helper;

  private constructor(plane: Helper, client: Helper) {
    this.#plane = plane;
    this.#client = client;
  }

  static async start(
    subject: Subject,
    feed: Pick<AdsServerOptions, 'layout' | 'services' | 'places'> & { readonly many?: number },
    { called = CALLED, call = true } = {},
  ): Promise<Fed> {
    const { helper: plane, address } = await startPlane({ many: 0, ...feed });
    try {
      const argument: ClientArgument = {
        controlPlane: address,
        flavour: feed.layout === 'sidecar' ? 'sidecar' : 'grpc',
        urls: Array.from(
          { length: Math.min(called, feed.services) },
          (_, service) => `http://${hostOf(service)}:9080/`,
        ),
        call,
      };
      // Without the condition that lets this process run from source.
      const { helper } = await Helper.start(programs[subject], argument, ['--expose-gc']);
      return new Fed(plane, helper);
    } catch (error) {
      await plane.stop();
      throw error;
    }
  }

  plane(question: AdsQuestion): Promise<AdsAnswer> {
    return this.#plane.ask(question);
  }

  figures(): Promise<Figures> {
    return this.#client.ask({ do: 'figures' } satisfies ClientQuestion);
  }

  calls(seconds: number): Promise<Measured> {
    return this.#client.ask({ do: 'calls', seconds } satisfies ClientQuestion);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#client.stop(), this.#plane.stop()]);
  }
}

async function startPlane(options: AdsServerOptions): Promise<{ helper: Helper; address: string }> {
  const { helper, ready } = await Helper.start<{ address: string }>(
    new URL('./ads-server.ts', import.meta.url),
    options,
  );
  return { helper, address: ready.address };
}

const layouts = {
  sidecar: [clusterUrl, listenerUrl, routeUrl, endpointsUrl],
  named: [listenerUrl, routeUrl, clusterUrl, endpointsUrl],
} as const;

/** A feed of 10,000 clusters, from nothing until the first services are called. */
export async function startup(subject: Subject, layout: 'sidecar' | 'named', { places, scale }: Scene): Promise<Found> {
  const services = Math.ceil((CLUSTERS * scale) / clustersPerService);
  const run = async (count: number): Promise<Found> => {
    await using fed = await Fed.start(subject, { layout, services: count, places: places[subject] });
    const { sentBytes } = await fed.plane({ do: 'settled', types: layouts[layout] });
    return { ...(await fed.figures()), receivedMb: sentBytes / 2 ** 20 };
  };
  return above(await run(services), await run(1));
}

/** The same for an Envoy, which takes the endpoints of all clusters. */
export async function envoyStartup(binary: string, { places, scale }: Scene): Promise<Found> {
  const services = Math.ceil((CLUSTERS * scale) / clustersPerService);
  const run = async (count: number): Promise<Found> => {
    const { helper: plane, address } = await startPlane({
      layout: 'sidecar',
      services: count,
      places: places.inmesh,
      many: 0,
    });
    const envoy = new FedEnvoy(binary, address);
    try {
      const { sentBytes, ms } = await plane.ask<AdsAnswer>({ do: 'settled', types: layouts.sidecar });
      return { readyMs: ms, ...envoy.figures(), receivedMb: sentBytes / 2 ** 20 };
    } finally {
      await Promise.all([envoy.stop(), plane.stop()]);
    }
  };
  return above(await run(services), await run(1));
}

/** A service of 5,000 endpoints, met for the first time; then a new version of all of them. */
export async function manyEndpoints(subject: Subject, { places, scale }: Scene): Promise<{ cold: Found; warm: Found }> {
  const many = Math.ceil(ENDPOINTS * scale);
  const run = async (count: number): Promise<{ cold: Found; warm: Found }> => {
    const feed = { layout: 'named', services: 1, places: places[subject], many: count } as const;
    await using fed = await Fed.start(subject, feed, { call: false });
    const first = await fed.plane({ do: 'settled', types: [endpointsUrl] });
    const cold = await fed.figures();
    const second = await fed.plane({ do: 'many', weight: 2 });
    const { readyMs: _, ...warm } = await fed.figures();
    return {
      cold: { ...cold, readyMs: cold.readyMs || first.ms, receivedMb: first.sentBytes / 2 ** 20 },
      warm: { ...warm, readyMs: second.ms, receivedMb: second.sentBytes / 2 ** 20 },
    };
  };
  const [full, empty] = [await run(many), await run(1)];
  return { cold: above(full.cold, empty.cold), warm: above(full.warm, empty.warm) };
}

/** 1,000 updates a second of the endpoints of 20 services; with thirty callers, before, meanwhile and after. */
export async function updates(scene: Scene, membershipEvery: number): Promise<{ busy: Found; quiet: Found }> {
  const { places, seconds } = scene;
  await using fed = await Fed.start('inmesh', { layout: 'named', services: CALLED, places: places.inmesh });
  await fed.calls(seconds * QUIET_SHARE);
  await fed.figures();
  const before = await fed.calls(seconds * QUIET_SHARE);
  const { stallMs, stallCpuMs } = await fed.figures();
  const [meanwhile, answer] = await Promise.all([
    fed.calls(seconds),
    fed.plane({ do: 'updates', perSecond: UPDATES_PER_SECOND, seconds, services: CALLED, membershipEvery }),
  ]);
  const figures = await fed.figures();
  const after = await fed.calls(seconds * QUIET_SHARE);
  return {
    busy: {
      ...callFigures(meanwhile),
      stallMs: figures.stallMs,
      stallCpuMs: figures.stallCpuMs,
      receivedMb: answer.sentBytes / 2 ** 20,
      updates: answer.accepted / (answer.ms / 1_000),
    },
    quiet: {
      ...callFigures(before),
      p99Ms: (before.p99Ms + after.p99Ms) / 2,
      rps: (before.rps + after.rps) / 2,
      errors: before.errors + after.errors,
      stallMs,
      stallCpuMs,
    },
  };
}

/** The same updates where nobody calls. */
export async function updatesAlone(subject: Subject, { places, seconds }: Scene): Promise<Found> {
  await using fed = await Fed.start(subject, { layout: 'named', services: CALLED, places: places[subject] });
  await fed.plane({ do: 'settled', types: [endpointsUrl] });
  await fed.figures();
  const length = seconds * QUIET_SHARE;
  const question = {
    do: 'updates',
    perSecond: UPDATES_PER_SECOND,
    seconds: length,
    services: CALLED,
    membershipEvery: 10,
  } as const;
  const { accepted, ms, sentBytes } = await fed.plane(question);
  const { stallMs, stallCpuMs, cpuMs } = await fed.figures();
  return { stallMs, stallCpuMs, cpuMs, receivedMb: sentBytes / 2 ** 20, updates: accepted / (ms / 1_000) };
}

/** All of a feed of 10,000 clusters a second time, on a new stream, under thirty callers. */
export async function reconnect({ places, scale, seconds }: Scene): Promise<Found> {
  const services = Math.ceil((CLUSTERS * scale) / clustersPerService);
  await using fed = await Fed.start('inmesh', { layout: 'sidecar', services, places: places.inmesh });
  await fed.plane({ do: 'settled', types: layouts.sidecar });
  await fed.calls(seconds * QUIET_SHARE);
  await fed.figures();
  const [measured, answer] = await Promise.all([
    fed.calls(seconds * QUIET_SHARE),
    fed.plane({ do: 'cut', types: layouts.sidecar }),
  ]);
  const { stallMs, stallCpuMs } = await fed.figures();
  return { ...callFigures(measured), readyMs: answer.ms, stallMs, stallCpuMs, receivedMb: answer.sentBytes / 2 ** 20 };
}

function callFigures({ rps, p99Ms, calls, errors }: Measured): Found {
  return { rps, p99Ms, calls, errors };
}

/** Memory above that of the same program with an almost empty feed. */
function above(full: Found, empty: Found): Found {
  const more = (key: string): Found => (key in full ? { [key]: (full[key] ?? 0) - (empty[key] ?? 0) } : {});
  return { ...full, ...more('heapMb'), ...more('rssMb') };
}
