// Mutated responses against the ADS client, in both variants, and answers of a server that means ill against connections of
// HTTP/1 and HTTP/2, from a seed:
//
//     npm run test:fuzz -- [--cases N] [--wire N] [--seed N]
//
// The responses of the ADS client are deterministic: the same seed and number of cases fail at the same case. Answers on the wire are
// made from the seed, too, but which lane takes which is the machine's to say: a failure shows its bytes.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { seededRandom } from '@inmesh/core';
import { FuzzedClient } from './client.ts';
import { pick } from './mutations.ts';
import { kinds, ResponseMaker } from './responses.ts';
import { fuzzWire } from './wire/fuzz-wire.ts';

/** After so many mutated responses a good one must be taken, and the promises and microtasks of the last ones are done. */
const goodEvery = 20;
/** The heap is looked at so often. */
const looks = 10;
/** What it may grow by, first to last look: caches that fill slowly, and what the collector has not found yet. A leak of 100 bytes a case shows. */
const growthBytes = 10 * 1024 * 1024;

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '100000' },
    wire: { type: 'string', default: '50000' },
    seed: { type: 'string', default: '1' },
  },
});
const cases = Number(values.cases);
const wireCases = Number(values.wire);
const seed = Number(values.seed);
const started = performance.now();
const unhandled: unknown[] = [];
process.on('unhandledRejection', (reason) => unhandled.push(reason));

const random = seededRandom(seed);
const maker = new ResponseMaker(random);
const clients = [
  { variant: 'sotw' as const, client: new FuzzedClient('sotw', 'envoy', random) },
  { variant: 'delta' as const, client: new FuzzedClient('delta', 'grpc', random) },
];
await setImmediate();

let heaps: number[] = [];
let at = 0;
let failure: unknown = null;
try {
  for (const { client } of clients) for (const kind of kinds) client.good(maker, kind);
  for (; at < cases; at++) {
    const { variant, client } = pick(random, clients);
    client.mutated(maker.mutated(variant, pick(random, kinds)));
    if (at % goodEvery === 0) {
      client.good(maker, pick(random, kinds));
      await setImmediate();
      if (unhandled.length > 0) throw unhandled[0];
    }
    if (at % Math.ceil(cases / looks) === 0) await look();
  }
  await look();
  checkGrowth();
} catch (error) {
  failure = error;
}
for (const { client } of clients) client.end();

process.stdout.write(`heap MB: ${heaps.map(megabytes).join(' ')}\n`);
for (const protocol of ['http1', 'http2'] as const) {
  if (failure !== null) break;
  heaps = [];
  try {
    const every = Math.ceil(wireCases / looks);
    let next = 0;
    const outcomes = await fuzzWire(protocol, wireCases, seed, async (number) => {
      if (unhandled.length > 0) throw unhandled[0];
      if (number < next) return;
      next = number + every;
      await collect();
    });
    await collect();
    checkGrowth();
    process.stdout.write(`${protocol}: ${JSON.stringify(outcomes)}, heap MB: ${heaps.map(megabytes).join(' ')}\n`);
  } catch (error) {
    failure = error;
  }
}

const seconds = (performance.now() - started) / 1_000;
for (const { variant, client } of clients) process.stdout.write(`${variant}: ${JSON.stringify(client.outcomes)}\n`);
process.stdout.write(`${at} cases, seed ${seed}, ${seconds.toFixed(1)} s\n`);
if (failure !== null) {
  process.stdout.write(`case ${at} failed: ${failure instanceof Error ? failure.stack : String(failure)}\n`);
  process.exitCode = 1;
}
const counts = { suite: 'fuzz', passed: failure === null ? 1 : 0, failed: failure === null ? 0 : 1, skipped: 0 };
const reports = join(import.meta.dirname, '../../.reports');
mkdirSync(reports, { recursive: true });
writeFileSync(join(reports, 'fuzz.json'), `${JSON.stringify({ ...counts, seconds: Math.round(seconds * 10) / 10 })}\n`);
process.stdout.write(`${counts.passed} passed, ${counts.failed} failed\n`);

/** After good responses of every type, so that what the last bad ones left (names of a megabyte, say) has been told to go. */
async function look(): Promise<void> {
  for (const { client } of clients) for (const kind of kinds) client.good(maker, kind);
  await collect();
}

async function collect(): Promise<void> {
  // Buffers are counted as gone a turn after they were collected; connections that have just closed let go of theirs turn by turn.
  for (let round = 0; round < 10; round++) {
    globalThis.gc?.();
    await setImmediate();
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  heaps.push(heapUsed + arrayBuffers);
}

function checkGrowth(): void {
  const growth = (heaps.at(-1) ?? 0) - (heaps[1] ?? 0);
  if (growth > growthBytes) throw new Error(`the heap grew by ${growth} bytes: ${heaps.join(' ')}`);
}

function megabytes(bytes: number): string {
  return (bytes / 1048576).toFixed(1);
}
