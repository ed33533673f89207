// How long a large response holds up the event loop, each case cold, in a process of its own:
//
//     node -C @inmesh/source bench/feed/stalls.ts [--json FILE]
//
// The bytes come from memory, so that what is measured is the client: envelope, decoding, validation, index, watchers.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { MessageStream, StreamHandlers, StreamTransport } from '@inmesh/core';
import { AdsClient, type AdsVariant, resourceTypes } from '@inmesh/xds';
import { makeResponses, type ResponseName } from './responses.ts';

interface Case {
  readonly name: string;
  readonly response: ResponseName;
  readonly variant: AdsVariant;
  /** Milliseconds of a slice; infinite for no slices, to show what they are for. */
  readonly sliceMs: number;
  /** The response comes a second time, byte for byte the same. */
  readonly again: boolean;
}

const cases: readonly Case[] = [
  { name: 'eds-5000', response: 'eds-sotw', variant: 'sotw', sliceMs: 5, again: false },
  { name: 'eds-5000-delta', response: 'eds-delta', variant: 'delta', sliceMs: 5, again: false },
  { name: 'eds-5000-unsliced', response: 'eds-sotw', variant: 'sotw', sliceMs: Number.POSITIVE_INFINITY, again: false },
  { name: 'cds-10000', response: 'cds-sotw', variant: 'sotw', sliceMs: 5, again: false },
  { name: 'cds-10000-same-again', response: 'cds-sotw', variant: 'sotw', sliceMs: 5, again: true },
  { name: 'cds-10000-delta', response: 'cds-delta', variant: 'delta', sliceMs: 5, again: false },
  {
    name: 'cds-10000-unsliced',
    response: 'cds-sotw',
    variant: 'sotw',
    sliceMs: Number.POSITIVE_INFINITY,
    again: false,
  },
];

interface Row {
  readonly suite: 'feed-stalls';
  readonly case: string;
  readonly wireBytes: number;
  /** From the response to its ACK. */
  readonly readyMs: number;
  /** The longest turn of the event loop meanwhile. */
  readonly stallMs: number;
  /** The most CPU that one turn took: the same without what other processes took of this machine meanwhile. */
  readonly stallCpuMs: number;
  /** Node's own histogram, of one-millisecond resolution, says the same more coarsely. */
  readonly histogramMaxMs: number;
  /** JavaScript heap and its buffers, above those before the response. */
  readonly heldBytes: number;
}

/** Sends one prepared response, and again if asked; the answer is the client's next request. */
class PreparedServer implements StreamTransport {
  onAnswer: () => void = () => {};
  #handlers: StreamHandlers | null = null;
  #requests = 0;

  open(_path: string, _metadata: Readonly<Record<string, string>>, handlers: StreamHandlers): MessageStream {
    this.#handlers = handlers;
    return {
      send: () => {
        if (this.#requests++ > 0) this.onAnswer();
      },
      pause: () => {},
      resume: () => {},
      close: () => {},
    };
  }
  close(): void {}

  /** Resolves with the ACK. */
  respond(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.onAnswer = resolve;
      this.#handlers?.onMessage(bytes);
    });
  }
}

async function measure(chosen: Case, folder: string): Promise<Row> {
  const bytes = await readFile(join(folder, chosen.response));
  const server = new PreparedServer();
  const client = new AdsClient({
    transport: server,
    serverUri: 'memory',
    node: { id: 'bench', cluster: 'bench', metadata: {}, locality: { region: '', zone: '', subZone: '' } },
    userAgentVersion: '0',
    types: resourceTypes(),
    onError: (error) => {
      throw error;
    },
    variant: chosen.variant,
    sliceMs: chosen.sliceMs,
  });
  if (chosen.response.startsWith('eds')) {
    client.watch('clusterLoadAssignment', 'big', { changed() {}, resourceError() {}, ambientError() {} });
  } else {
    client.watchAll('cluster', { changed() {}, removed() {}, settled() {}, ambientError() {} });
  }
  await turns(5); // The request went out, and with it the registry of the API was built.
  if (chosen.again) await server.respond(bytes);
  const before = held();
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  histogram.enable();
  const gaps = new Gaps();
  await turns(20);
  histogram.reset();
  gaps.reset();
  const start = performance.now();
  await new Promise<void>((resolve) => setImmediate(() => void server.respond(bytes).then(resolve)));
  const readyMs = performance.now() - start;
  await turns(3);
  gaps.stop();
  histogram.disable();
  const heldBytes = held() - before;
  const updates = client.stats.types;
  if (updates.cluster.update_rejected + updates.clusterLoadAssignment.update_rejected > 0) {
    throw new Error('the response was refused');
  }
  client.close();
  return {
    suite: 'feed-stalls',
    case: chosen.name,
    wireBytes: bytes.length,
    readyMs,
    stallMs: gaps.longest,
    stallCpuMs: gaps.longestCpu,
    histogramMaxMs: histogram.max / 1e6,
    heldBytes,
  };
}

/** The longest time between two turns of the event loop. */
class Gaps {
  longest = 0;
  longestCpu = 0;
  #last = performance.now();
  #lastCpu = threadCpuMs();
  #running = true;

  constructor() {
    const turn = (): void => {
      const now = performance.now();
      this.longest = Math.max(this.longest, now - this.#last);
      this.#last = now;
      const cpu = threadCpuMs();
      this.longestCpu = Math.max(this.longestCpu, cpu - this.#lastCpu);
      this.#lastCpu = cpu;
      if (this.#running) setImmediate(turn);
    };
    setImmediate(turn);
  }
  reset(): void {
    this.longest = 0;
    this.longestCpu = 0;
  }
  stop(): void {
    this.#running = false;
  }
}

function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

function held(): number {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

async function inChild(name: string, folder: string): Promise<Row> {
  const self = fileURLToPath(import.meta.url);
  const child = spawn(
    process.execPath,
    ['--expose-gc', '-C', '@inmesh/source', self, '--case', name, '--folder', folder],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let text = '';
  for await (const chunk of child.stdout) text += chunk;
  return JSON.parse(text) as Row;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      case: { type: 'string' },
      folder: { type: 'string' },
      json: { type: 'string' },
      rounds: { type: 'string', default: '3' },
    },
  });
  const chosen = cases.find(({ name }) => name === values.case);
  if (chosen !== undefined && values.folder !== undefined) {
    process.stdout.write(JSON.stringify(await measure(chosen, values.folder)));
    return;
  }
  const folder = await mkdtemp(join(tmpdir(), 'inmesh-feed-'));
  const rows: Row[] = [];
  try {
    for (const [name, bytes] of makeResponses()) await writeFile(join(folder, name), bytes);
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const { name } of cases) rows.push(await inChild(name, folder));
    }
  } finally {
    await rm(folder, { recursive: true });
  }
  for (const { name } of cases) {
    const own = rows.filter((row) => row.case === name);
    const list = (read: (row: Row) => number, digits: number): string =>
      own
        .map((row) => read(row).toFixed(digits))
        .join(' ')
        .padEnd(24);
    process.stdout.write(
      `${name.padEnd(24)} stall ms ${list(({ stallMs }) => stallMs, 1)} cpu ms ${list(({ stallCpuMs }) => stallCpuMs, 1)} ready ms ${list(({ readyMs }) => readyMs, 0)} ` +
        `held/wire ${list(({ heldBytes, wireBytes }) => heldBytes / wireBytes, 2)}\n`,
    );
  }
  if (values.json !== undefined) await writeFile(values.json, JSON.stringify(rows, null, 1));
}

await main();
