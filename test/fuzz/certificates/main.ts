// Mutated certificates and lists of revoked ones against the verification of peers, from a seed:
//
//     npm run test:fuzz:certificates -- [--cases N] [--seed N]
//
// The mutations are deterministic; keys and serial numbers are not, so a failure prints the certificate.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { seededRandom } from '@inmesh/core';
import { pick } from '../mutations.ts';
import { CertificateCases } from './cases.ts';

/** The heap is looked at so often. */
const LOOKS = 10;
/** What it may grow by: a leak of 200 bytes a case shows. */
const GROWTH_BYTES = 10 * 1024 * 1024;
/** One case in so many goes over a real connection. */
const HANDSHAKE_EVERY = 100;

const { values } = parseArgs({
  options: { cases: { type: 'string', default: '50000' }, seed: { type: 'string', default: '1' } },
});
const count = Number(values.cases);
const seed = Number(values.seed);
const started = performance.now();
const random = seededRandom(seed);
const cases = await CertificateCases.create(random);
const kinds = [
  () => cases.unsigned(),
  () => cases.signed(),
  () => cases.signed(),
  () => cases.list(),
  () => cases.garbage(),
];
const heaps: number[] = [];
let at = 0;
let failure: unknown = null;
try {
  for (; at < count; at++) {
    if (at % HANDSHAKE_EVERY === 0) await cases.handshake();
    else pick(random, kinds)();
    if (at % Math.ceil(count / LOOKS) === 0) await look();
  }
  await look();
  const growth = (heaps.at(-1) ?? 0) - (heaps[1] ?? 0);
  if (growth > GROWTH_BYTES) throw new Error(`the heap grew by ${growth} bytes: ${heaps.join(' ')}`);
} catch (error) {
  failure = error;
}

const seconds = (performance.now() - started) / 1_000;
process.stdout.write(`${JSON.stringify(cases.outcomes)}\n`);
process.stdout.write(`heap MB: ${heaps.map((bytes) => (bytes / 1048576).toFixed(1)).join(' ')}\n`);
process.stdout.write(`${at} cases, seed ${seed}, ${seconds.toFixed(1)} s\n`);
if (failure !== null) {
  process.stdout.write(`case ${at} failed: ${failure instanceof Error ? failure.stack : String(failure)}\n`);
  process.exitCode = 1;
}
const counts = {
  suite: 'fuzz-certificates',
  passed: failure === null ? 1 : 0,
  failed: failure === null ? 0 : 1,
  skipped: 0,
};
const reports = join(import.meta.dirname, '../../../.reports');
mkdirSync(reports, { recursive: true });
writeFileSync(
  join(reports, 'fuzz-certificates.json'),
  `${JSON.stringify({ ...counts, seconds: Math.round(seconds * 10) / 10 })}\n`,
);
process.stdout.write(`${counts.passed} passed, ${counts.failed} failed\n`);

async function look(): Promise<void> {
  // Buffers are counted as gone a turn after they were collected.
  for (let round = 0; round < 3; round++) {
    globalThis.gc?.();
    await setImmediate();
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  heaps.push(heapUsed + arrayBuffers);
}
