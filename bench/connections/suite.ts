import { closedLoop } from '../load/closed-loop.ts';
import { type Case, measureCase, notesOn, type RoundsOptions } from '../load/rounds.ts';
import type { Metric, Report, Row, SuiteOptions } from '../suite.ts';
import type { Protocol } from './feed.ts';
import { memoryRows } from './memory.ts';
import { poolRows } from './pool-cost.ts';
import { type Scene, setUp } from './scene.ts';
import type { Counted } from './server.ts';
import {
  rawHandshakes,
  rawHttp1,
  rawHttp2,
  rawTls,
  type Subject,
  throughEnvoy,
  throughMesh,
  undiciHttp2,
} from './subjects.ts';

const BASELINE = 'raw';
const ENVOYS = ['inmesh-envoy', 'envoy-envoy'];
const ROUNDS = 15;
const SECONDS = 0.8;
/** Rounds of what is measured in a process of its own: less is left to chance there. */
const MEMORY_ROUNDS = 3;
/** Of each subject of the pool in a round. */
const POOL_SECONDS = 0.05;
/** Calls at once, each of which makes a handshake. */
const HANDSHAKES_AT_ONCE = 8;

const metrics: readonly Metric[] = [
  { key: 'rps', label: 'calls/s', digits: 0 },
  { key: 'p50Ms', label: 'p50 ms', digits: 3 },
  { key: 'p99Ms', label: 'p99 ms', digits: 3 },
  { key: 'cpuUs', label: 'client CPU µs/call', digits: 1 },
  { key: 'resumedPercent', label: 'resumed %', digits: 0 },
  { key: 'ns', label: 'ns', digits: 0 },
  { key: 'rssKb', label: 'RSS KB/connection', digits: 1 },
  { key: 'heapKb', label: 'heap KB/connection', digits: 1 },
];

/** Calls over mutual TLS beside raw undici and node:http2 with the same settings, and beside an Envoy on both sides. */
export async function connectionsSuite(options: SuiteOptions): Promise<Report> {
  const { progress, only } = options;
  const rounds = options.rounds ?? ROUNDS;
  const wanted = (name: string): boolean => name === BASELINE || only === null || only.includes(name);
  const scene = await setUp();
  try {
    const { server } = scene;
    const how = { suite: 'connections', server, rounds, seconds: options.seconds ?? SECONDS, progress };
    const rows: Row[] = [];
    for (const { cases, subjects } of benches(scene)) {
      const chosen = subjects.filter(({ name }) => wanted(name));
      rows.push(...(await measureAll(cases, chosen, how)));
      for (const subject of subjects) await subject.close();
    }
    const notes = notesOn(rows);
    const { memory, identities, controlPlane } = scene;
    const services = [memory.http1, memory.http2];
    const memoryRounds = Math.min(rounds, MEMORY_ROUNDS);
    rows.push(...(await memoryRows({ services, identities, controlPlane, rounds: memoryRounds, wanted, progress })));
    rows.push(...(await poolRows(rounds, POOL_SECONDS)));
    const missing = scene.envoys === null ? ENVOYS : [];
    const skipped = missing.map((subject) => ({ subject, reason: 'Envoy is not installed' }));
    return { rows, metrics, baseline: BASELINE, skipped, notes };
  } finally {
    await scene.stop();
  }
}

interface Bench {
  readonly cases: readonly Case<Subject>[];
  /** In the order of the table. */
  readonly subjects: readonly Subject[];
}

function benches(scene: Scene): Bench[] {
  const { identities, mesh, handshakes, server } = scene;
  const tls = rawTls(handshakes.whole, identities);
  const both = (name: string, sessions: number, through: Subject): Bench => ({
    cases: [handshaking(name, server)],
    subjects: [
      rawHandshakes(BASELINE, handshakes.whole, tls, sessions),
      rawHandshakes('raw-again', handshakes.whole, tls, sessions),
      through,
    ],
  });
  return [
    ...(['http1', 'http2'] as const).map((protocol) => ({
      cases: [calls(protocol, 1), calls(protocol, 30)],
      subjects: callers(protocol, scene),
    })),
    both('whole handshakes', 0, throughMesh('inmesh', handshakes.whole, mesh)),
    both('resumed handshakes', 100, throughMesh('inmesh', handshakes.resumed, mesh)),
  ];
}

function callers(protocol: Protocol, { identities, mesh, services, envoys }: Scene): Subject[] {
  const service = services[protocol];
  const tls = rawTls(service, identities);
  const raw = protocol === 'http1' ? rawHttp1 : rawHttp2;
  const subjects = [
    raw(BASELINE, service, tls),
    raw('raw-again', service, tls),
    ...(protocol === 'http2' ? [undiciHttp2('undici', service, tls)] : []),
    throughMesh('inmesh', service, mesh),
  ];
  if (envoys !== null) {
    const behind = envoys.services[protocol];
    subjects.push(throughMesh('inmesh-envoy', behind, mesh));
    subjects.push(throughEnvoy('envoy-envoy', behind, envoys.outbound[protocol]));
  }
  return subjects;
}

async function measureAll(cases: Bench['cases'], subjects: readonly Subject[], how: RoundsOptions): Promise<Row[]> {
  // A subject that cannot call is said before a minute was spent.
  for (const subject of subjects) await subject.call();
  const rows: Row[] = [];
  for (const each of cases) rows.push(...(await measureCase(each, subjects, how)));
  return rows;
}

function calls(protocol: Protocol, concurrency: number): Case<Subject> {
  return {
    name: `${protocol} c${concurrency}`,
    run: (subject, seconds) => closedLoop(() => subject.call(), concurrency, seconds),
  };
}

/** `resumedPercent`: handshakes that took up an earlier session, as the server counts them. */
function handshaking(name: string, server: Scene['server']): Case<Subject> {
  return {
    name,
    run: async (subject, seconds) => {
      const before = await server.ask<Counted>('count');
      const measured = await closedLoop(() => subject.call(), HANDSHAKES_AT_ONCE, seconds);
      const after = await server.ask<Counted>('count');
      const share = (after.resumed - before.resumed) / (after.handshakes - before.handshakes);
      return { ...measured, resumedPercent: share * 100 };
    },
  };
}
