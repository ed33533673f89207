import type { Call, Handler } from '@inmesh/core';
import { shuffled } from '../arithmetic.ts';
import type { Metric, Report, Row, SuiteOptions } from '../suite.ts';
import type { Kind } from './routes.ts';
import { Scene, type Subject } from './scene.ts';

const ROUNDS = 15;
/** Of each subject in a round. */
const SECONDS = 0.05;
/** Calls between two looks at the clock. */
const BATCH = 500;

const metrics: readonly Metric[] = [{ key: 'ns', label: 'ns', digits: 0 }];

const subject = (name: string, routes: number, kind: Kind = 'prefix', filters = false): Subject => ({
  name,
  kind,
  routes,
  filters,
});

const subjects: readonly Subject[] = [
  subject('1 route', 1),
  subject('1 route again', 1),
  subject('1 route, five filters', 1, 'prefix', true),
  subject('100 routes', 100),
  subject('100 routes, headers', 100, 'headers'),
  subject('100 routes, headers, five filters', 100, 'headers', true),
  subject('100 routes, patterns', 100, 'patterns'),
  subject('100 routes under one prefix', 100, 'all under one prefix'),
  subject('10,000 routes', 10_000),
  subject('10,000 routes, headers', 10_000, 'headers'),
  subject('10,000 routes, headers, five filters', 10_000, 'headers', true),
  subject('10,000 routes, patterns', 10_000, 'patterns'),
  subject('10,000 routes under one prefix', 10_000, 'all under one prefix'),
];

/**
 * What routing costs, in nanoseconds of one thread: the decision alone (route and cluster), and a whole call through the stack over a
 * connection that answers at once. Calls go to a route in the middle of the table.
 */
export async function routingSuite(options: SuiteOptions): Promise<Report> {
  const baseline = '1 route';
  const wanted = subjects.filter(({ name }) => name === baseline || (options.only?.includes(name) ?? true));
  const scenes = new Map<string, Scene>();
  for (const each of wanted) {
    options.progress(`compiling ${each.name}`);
    const scene = new Scene(each);
    // The first call opens the connection.
    await new Promise<void>((resolve, reject) => scene.send(new Ending(resolve, reject)));
    scenes.set(each.name, scene);
  }
  const seconds = options.seconds ?? SECONDS;
  const rows: Row[] = [];
  for (let round = 0; round <= (options.rounds ?? ROUNDS); round++) {
    for (const { name } of shuffled(wanted)) {
      const scene = scenes.get(name) as Scene;
      const found = { decision: decisions(scene, seconds), call: calls(scene, seconds) };
      // Round 0 warms up.
      if (round === 0) continue;
      for (const [name_, ns] of Object.entries(found)) {
        rows.push({ suite: 'routing', case: name_, subject: name, round, ns });
      }
    }
    options.progress(`round ${round}`);
  }
  const order = wanted.map(({ name }) => name);
  rows.sort((a, b) => a.round - b.round || order.indexOf(a.subject) - order.indexOf(b.subject));
  return { rows, metrics, baseline, skipped: [], notes: [] };
}

/** Nanoseconds per decision. */
function decisions(scene: Scene, seconds: number): number {
  const batch: Call[] = Array.from({ length: BATCH }, () => scene.call());
  return perOperation(seconds, () => {
    for (const call of batch) if (scene.decide(call) === null) throw new Error('no route');
  });
}

/** Nanoseconds per call. */
function calls(scene: Scene, seconds: number): number {
  const counting = new Counting();
  const found = perOperation(seconds, () => {
    for (let i = 0; i < BATCH; i++) scene.send(counting);
  });
  if (counting.ended === 0 || counting.ended % BATCH !== 0) throw new Error(`${counting.ended} calls ended at once`);
  return found;
}

/** Batches until the time is up. */
function perOperation(seconds: number, batch: () => void): number {
  const from = process.hrtime.bigint();
  const until = from + BigInt(Math.round(seconds * 1e9));
  let done = 0;
  let now = from;
  while (now < until) {
    batch();
    done += BATCH;
    now = process.hrtime.bigint();
  }
  return Number(now - from) / done;
}

class Counting implements Handler {
  ended = 0;

  onRequestSent(): void {}
  onInformational(): void {}
  onUpgrade(): void {}
  onResponseStart(status: number): void {
    if (status !== 200) throw new Error(`status ${status}`);
  }
  onResponseData(): void {}
  onResponseEnd(): void {
    this.ended++;
  }
  onResponseError(error: Error): void {
    throw error;
  }
}

class Ending extends Counting {
  readonly #resolve: () => void;
  readonly #reject: (error: Error) => void;

  constructor(resolve: () => void, reject: (error: Error) => void) {
    super();
    this.#resolve = resolve;
    this.#reject = reject;
  }

  override onResponseEnd(): void {
    this.#resolve();
  }

  override onResponseError(error: Error): void {
    this.#reject(error);
  }
}
