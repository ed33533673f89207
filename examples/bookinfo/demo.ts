/**
 * `npm run demo`: Bookinfo on inmesh, while its feed, its endpoints and its control plane change.
 *
 * In a terminal it draws a live view; with `--once`, or where there is no terminal, it prints lines. Either way it plays
 * every phase once, prints a summary and ends: with 0 if every claim held, else with 1 and the claim's name.
 */
import { parseArgs } from 'node:util';
import { LiveView } from './demo/live-view.ts';
import { PlainView } from './demo/plain-view.ts';
import { between, type PhaseReport, play } from './demo/report.ts';
import { Stage } from './demo/stage.ts';
import { broken, summary } from './demo/summary.ts';
import { claimLine } from './demo/text.ts';

/** Milliseconds that each state is held: enough calls for the claims; in the live view, time to read. */
const HOLD_ONCE_MS = 2_000;
const HOLD_LIVE_MS = 6_000;

const { values } = parseArgs({ options: { once: { type: 'boolean', default: false } } });
const live = process.stdout.isTTY && !values.once;
const print = (line: string) => console.log(line);

const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => interrupt.abort(new Error(`interrupted by ${signal}`)));
}

async function perform(stage: Stage): Promise<void> {
  let reports: PhaseReport[];
  if (live) {
    const view = new LiveView(stage, process.stdout);
    try {
      reports = await play(stage, view);
    } finally {
      view.close();
    }
  } else {
    print(stage.hasEnvoy ? 'Envoy joins on the same feed' : 'Envoy is not installed; see the README of this example');
    reports = await play(stage, new PlainView(print));
  }
  const rest = between(stage);
  if (live) {
    for (const { phase, claims } of reports) {
      print(phase.title);
      for (const claim of claims) print(`    ${claimLine(claim)}`);
    }
  }
  for (const line of summary(stage, reports)) print(line);
  const missed = broken(reports, [rest]);
  const seconds = (performance.now() / 1_000).toFixed(1);
  print('');
  for (const claim of missed) print(`did not hold: ${claim}`);
  const count = reports.reduce((sum, { claims }) => sum + claims.length, 1);
  print(`${count - missed.length} of ${count} claims held in ${seconds} s`);
  if (missed.length > 0) process.exitCode = 1;
}

print('starting a control plane and eight services …');
try {
  await Stage.with({ holdMs: live ? HOLD_LIVE_MS : HOLD_ONCE_MS, env: process.env, signal: interrupt.signal }, perform);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = interrupt.signal.aborted ? 130 : 1;
}
