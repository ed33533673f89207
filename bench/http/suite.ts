import { median } from '../arithmetic.ts';
import { closedLoop } from '../load/closed-loop.ts';
import { openLoop } from '../load/open-loop.ts';
import { type Case, measureCase, notesOn } from '../load/rounds.ts';
import { Helper } from '../processes.ts';
import type { Metric, Report, Row, SuiteOptions } from '../suite.ts';
import { findEnvoy, type RunningEnvoy, startEnvoy } from './envoy.ts';
import { meshResources } from './feed.ts';
import type { ServerOptions } from './server.ts';
import { makeSubjects, type Subject } from './subjects.ts';
import { checkWire } from './wire-check.ts';

const BASELINE = 'undici';
const SAME_WIRE = [BASELINE, 'undici-again', 'inmesh'];
const ENVOYS = ['envoy-1', 'envoy-2'];
const ENDPOINTS = 4;
/** A small JSON answer. */
const BODY_BYTES = 1024;
/** What DESIGN asks for. */
const ROUNDS = 15;
/** Long enough for several collections of garbage, short enough that a round meets one state of the machine. */
const SECONDS = 0.8;

const metrics: readonly Metric[] = [
  { key: 'rps', label: 'calls/s', digits: 0 },
  { key: 'p50Ms', label: 'p50 ms', digits: 3 },
  { key: 'p99Ms', label: 'p99 ms', digits: 3 },
  { key: 'cpuUs', label: 'client CPU µs/call', digits: 1 },
];

/** A call through the mesh beside the same call through raw undici, fetch and Envoy. */
export async function httpSuite(options: SuiteOptions): Promise<Report> {
  const stops: (() => Promise<void>)[] = [];
  try {
    const { helper: server, ready: ports } = await Helper.start<number[]>(new URL('./server.ts', import.meta.url), {
      ports: ENDPOINTS,
      bodyBytes: BODY_BYTES,
    } satisfies ServerOptions);
    stops.push(() => server.stop());
    const plane = await Helper.start<{ address: string }>(
      new URL('./control-plane.ts', import.meta.url),
      meshResources(ports),
    );
    stops.push(() => plane.helper.stop());
    const { only } = options;
    const binary = findEnvoy();
    const wantsEnvoy = only === null || ENVOYS.some((name) => only.includes(name));
    const envoys = binary === null || !wantsEnvoy ? null : await startHops(binary, ports, stops);
    const subjects = await makeSubjects({ ports, controlPlane: plane.ready.address, envoys });
    const sameWire = subjects.filter(({ name }) => SAME_WIRE.includes(name));
    const wire = await checkWire(server, sameWire, ENDPOINTS);
    const chosen = subjects.filter(({ name }) => name === BASELINE || only === null || only.includes(name));
    const rows = await measureAll(chosen, server, options);
    return {
      rows,
      metrics,
      baseline: BASELINE,
      skipped: binary === null ? ENVOYS.map((subject) => ({ subject, reason: 'Envoy is not installed' })) : [],
      notes: [wire, ...notesOn(rows)],
    };
  } finally {
    await Promise.all(stops.map((stop) => stop()));
  }
}

/** One hop: client → Envoy → endpoints. Two: client → Envoy → an Envoy in front of each endpoint → endpoint. */
async function startHops(binary: string, ports: readonly number[], stops: (() => Promise<void>)[]) {
  const start = async (upstreams: readonly (readonly number[])[]): Promise<RunningEnvoy> => {
    const envoy = await startEnvoy(binary, upstreams);
    stops.push(() => envoy.stop());
    return envoy;
  };
  const inbound = await start(ports.map((port) => [port]));
  const outbound = await start([ports, inbound.ports]);
  const [one, two] = outbound.ports;
  return { one: one as number, two: two as number };
}

async function measureAll(subjects: readonly Subject[], server: Helper, options: SuiteOptions): Promise<Row[]> {
  const { rounds, seconds, progress } = options;
  const how = { suite: 'http', server, rounds: rounds ?? ROUNDS, seconds: seconds ?? SECONDS, progress };
  const rows: Row[] = [];
  for (const each of [closed(1), closed(30)]) rows.push(...(await measureCase(each, subjects, how)));
  if (options.open) {
    const saturation = new Map(subjects.map(({ name }) => [name, saturationOf(name, rows)]));
    for (const percent of [50, 80]) rows.push(...(await measureCase(open(percent, saturation), subjects, how)));
  }
  return rows;
}

function closed(concurrency: number): Case<Subject> {
  return {
    name: `c${concurrency}`,
    run: (subject, seconds) => closedLoop(() => subject.call(), concurrency, seconds),
  };
}

/** Calls a second with 30 callers that never rest. */
function saturationOf(subject: string, rows: readonly Row[]): number {
  return median(rows.filter((row) => row.case === 'c30' && row.subject === subject).map((row) => row.rps as number));
}

/**
 * The rate is a share of what the baseline can do, because latencies at different rates say nothing; or of what the subject
 * can do where that is less, because beyond it there is only a queue that grows.
 */
function open(percent: number, saturation: ReadonlyMap<string, number>): Case<Subject> {
  const most = saturation.get(BASELINE) as number;
  return {
    name: `open${percent}`,
    run: (subject, seconds) =>
      openLoop(() => subject.call(), (Math.min(most, saturation.get(subject.name) as number) * percent) / 100, seconds),
  };
}
