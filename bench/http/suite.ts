import { median, shuffled } from '../arithmetic.ts';
import { closedLoop } from '../load/closed-loop.ts';
import type { Measured } from '../load/measure.ts';
import { openLoop } from '../load/open-loop.ts';
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
/** Before a subject is measured, in each round: caches, connections and the server's processes turn to it. */
const LEAD_SECONDS = 0.15;
/** Before the first round, per subject and case: connections open, code is compiled. */
const WARM_UP_SECONDS = 1;

const metrics: readonly Metric[] = [
  { key: 'rps', label: 'calls/s', digits: 0 },
  { key: 'p50Ms', label: 'p50 ms', digits: 3 },
  { key: 'p99Ms', label: 'p99 ms', digits: 3 },
  { key: 'cpuUs', label: 'client CPU µs/call', digits: 1 },
];

interface Case {
  readonly name: string;
  readonly run: (subject: Subject, seconds: number) => Promise<Measured>;
}

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
      notes: [
        wire,
        ...failures(rows),
        `server: busiest at ${(Math.max(...rows.map(serverShare)) * 100).toFixed(0)} % of one core`,
      ],
    };
  } finally {
    await Promise.all(stops.map((stop) => stop()));
  }
}

/** Failed calls are counted, and said: a subject that fails fast must not look good. */
function failures(rows: readonly Row[]): string[] {
  const failed = rows.filter((row) => (row.errors as number) > 0);
  return failed.map(
    (row) => `failed: ${row.errors} of ${row.calls} calls of ${row.subject} (${row.case}, round ${row.round})`,
  );
}

function serverShare(row: Row): number {
  return row.serverCpu as number;
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
  const rounds = options.rounds ?? ROUNDS;
  const seconds = options.seconds ?? SECONDS;
  const rows: Row[] = [];
  const measureCase = async ({ name, run }: Case) => {
    options.progress(`${name}: warming up`);
    for (const subject of subjects) await run(subject, Math.min(WARM_UP_SECONDS, seconds));
    for (let round = 1; round <= rounds; round++) {
      const found = new Map<Subject, Row>();
      for (const subject of shuffled(subjects)) {
        await run(subject, LEAD_SECONDS);
        const before = await server.ask<NodeJS.CpuUsage>('cpu');
        const begun = performance.now();
        const measured = await run(subject, seconds);
        const elapsedUs = (performance.now() - begun) * 1000;
        const after = await server.ask<NodeJS.CpuUsage>('cpu');
        const serverCpu = (after.user + after.system - before.user - before.system) / elapsedUs;
        found.set(subject, {
          suite: 'http',
          case: name,
          subject: subject.name,
          round,
          ...measured,
          serverCpu,
        });
      }
      for (const subject of subjects) rows.push(found.get(subject) as Row);
      options.progress(`${name}: round ${round} of ${rounds}`);
    }
  };
  for (const each of [closed(1), closed(30)]) await measureCase(each);
  if (options.open) {
    const saturation = new Map(subjects.map(({ name }) => [name, saturationOf(name, rows)]));
    for (const percent of [50, 80]) await measureCase(open(percent, saturation));
  }
  return rows;
}

function closed(concurrency: number): Case {
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
function open(percent: number, saturation: ReadonlyMap<string, number>): Case {
  const most = saturation.get(BASELINE) as number;
  return {
    name: `open${percent}`,
    run: (subject, seconds) =>
      openLoop(() => subject.call(), (Math.min(most, saturation.get(subject.name) as number) * percent) / 100, seconds),
  };
}
