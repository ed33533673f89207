import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { grpcServer } from '@inmesh/transports/rpc';
import { findEnvoy } from '../http/envoy.ts';
import type { ServerOptions } from '../http/server.ts';
import { Helper } from '../processes.ts';
import type { Metric, Report, Row, SuiteOptions } from '../suite.ts';
import {
  envoyStartup,
  type Found,
  manyEndpoints,
  reconnect,
  type Scene,
  startup,
  updates,
  updatesAlone,
} from './cases.ts';
import type { Place } from './resources.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const ROUNDS = 3;
const SECONDS = 10;
const ENDPOINTS = 10;

const metrics: readonly Metric[] = [
  { key: 'readyMs', label: 'ready ms', digits: 0 },
  { key: 'stallMs', label: 'stall ms', digits: 1 },
  { key: 'stallCpuMs', label: 'its CPU ms', digits: 1 },
  { key: 'cpuMs', label: 'CPU ms', digits: 0 },
  { key: 'heapMb', label: 'heap MB', digits: 1 },
  { key: 'rssMb', label: 'RSS MB', digits: 0 },
  { key: 'receivedMb', label: 'received MB', digits: 2 },
  { key: 'updates', label: 'updates/s', digits: 0 },
  { key: 'rps', label: 'calls/s', digits: 0 },
  { key: 'p99Ms', label: 'p99 ms', digits: 2 },
];

type Rows = readonly (readonly [name: string, subject: string, found: Found])[];

/** How feeds of any size are taken: each subject in a process of its own for each case, with what is built, as users install it. */
export async function feedSuite(options: SuiteOptions): Promise<Report> {
  options.progress('building');
  execFileSync('npm', ['run', '-s', 'build'], { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
  const { helper: server, ready: ports } = await Helper.start<number[]>(new URL('../http/server.ts', import.meta.url), {
    ports: ENDPOINTS,
    bodyBytes: 1024,
  } satisfies ServerOptions);
  // A channel of grpc-js is ready when it has a connection: nobody calls these.
  const rpcServers = Array.from({ length: ENDPOINTS }, () => grpcServer({ services: {} }));
  const rpcPorts = await Promise.all(
    rpcServers.map(async (each) => Number((await each.listen({ port: 0 })).split(':')[1])),
  );
  const scene: Scene = {
    places: { inmesh: ports.map(onLoopback), 'grpc-js-xds': rpcPorts.map(onLoopback) },
    scale: options.scale ?? 1,
    seconds: options.seconds ?? SECONDS,
  };
  const envoy = findEnvoy();
  const wanted = (subject: string): boolean => options.only === null || options.only.includes(subject);
  const rows: Row[] = [];
  try {
    for (let round = 1; round <= (options.rounds ?? ROUNDS); round++) {
      for (const measure of measures(scene, envoy, wanted)) {
        for (const [name, subject, found] of await measure()) {
          rows.push({ suite: 'feed', case: name, subject, round, ...found });
          options.progress(`round ${round}: ${name}, ${subject}`);
        }
      }
    }
  } finally {
    await Promise.all([server.stop(), ...rpcServers.map((each) => each.destroy())]);
  }
  const failed = rows.filter(({ errors = 0 }) => Number(errors) > 0);
  return {
    rows,
    metrics,
    baseline: 'inmesh',
    skipped: envoy === null ? [{ subject: 'envoy', reason: 'Envoy is not installed' }] : [],
    notes: failed.map((row) => `failed: ${row.errors} of ${row.calls} calls (${row.case}, round ${row.round})`),
  };
}

function onLoopback(port: number): Place {
  return { address: '127.0.0.1', port };
}

function* measures(
  scene: Scene,
  envoy: string | null,
  wanted: (subject: string) => boolean,
): Generator<() => Promise<Rows>> {
  const clients = (['inmesh', 'grpc-js-xds'] as const).filter(wanted);
  const one = (name: string, subject: string, found: Promise<Found>): Promise<Rows> =>
    found.then((each) => [[name, subject, each]]);
  if (wanted('inmesh')) yield () => one('10,000 clusters, all', 'inmesh', startup('inmesh', 'sidecar', scene));
  if (envoy !== null && wanted('envoy')) yield () => one('10,000 clusters, all', 'envoy', envoyStartup(envoy, scene));
  for (const client of clients) {
    yield () => one('10,000 clusters, by name', client, startup(client, 'named', scene));
  }
  for (const client of clients) {
    yield async () => {
      const { cold, warm } = await manyEndpoints(client, scene);
      return [
        ['5,000 endpoints, cold', client, cold],
        ['5,000 endpoints, warm', client, warm],
      ];
    };
  }
  for (const client of clients) {
    yield () => one('1,000 updates a second', client, updatesAlone(client, scene));
  }
  if (!wanted('inmesh')) return;
  for (const [name, membershipEvery] of [
    ['1,000 updates a second under calls', 10],
    ['1,000 endpoints a second come or go under calls', 1],
  ] as const) {
    yield async () => {
      const { busy, quiet } = await updates(scene, membershipEvery);
      return [
        [name, 'inmesh', busy],
        [name, 'inmesh, no updates', quiet],
      ];
    };
  }
  yield () => one('reconnect, 10,000 clusters', 'inmesh', reconnect(scene));
}
