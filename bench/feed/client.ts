import { createMesh } from 'inmesh';
import { request } from 'undici';
import { closedLoop } from '../load/closed-loop.ts';
import type { Measured } from '../load/measure.ts';
import { argument, endWithParent, tellParent } from '../processes.ts';
import { StallSampler } from './stall.ts';

export interface ClientArgument {
  readonly controlPlane: string;
  readonly flavour: 'grpc' | 'sidecar';
  /** To be called, or only to be known. */
  readonly urls: readonly string[];
  readonly call: boolean;
}

export type ClientQuestion =
  /** What was found out since the last question. */
  | { readonly do: 'figures' }
  /** Thirty callers for so long. */
  | { readonly do: 'calls'; readonly seconds: number };

/** What a client found out about itself. */
export interface Figures {
  /** Until all that was named can be called; 0 after that. */
  readonly readyMs: number;
  readonly stallMs: number;
  readonly stallCpuMs: number;
  /** Of the whole process. */
  readonly cpuMs: number;
  /** JavaScript heap and its buffers. */
  readonly heapMb: number;
  readonly rssMb: number;
}

const { controlPlane, flavour, urls, call } = argument<ClientArgument>();
const mesh = await createMesh({
  bootstrapConfig: JSON.stringify({
    xds_servers: [{ server_uri: controlPlane, channel_creds: [{ type: 'insecure' }] }],
    node: { id: 'bench' },
  }),
  flavour,
});
const sampler = new StallSampler();
let cpu = process.cpuUsage();
const begun = performance.now();
if (call) await Promise.all(urls.map(get));
else await mesh.ready({ services: [...urls] });
let readyMs = performance.now() - begun;

async function get(url: string): Promise<void> {
  const { statusCode, body } = await request(url, { dispatcher: mesh.dispatcher });
  await body.arrayBuffer();
  if (statusCode !== 200) throw new Error(`${url} was answered ${statusCode}`);
}

async function figures(): Promise<Figures> {
  const { longest: stallMs, longestCpu: stallCpuMs } = sampler;
  const { user, system } = process.cpuUsage(cpu);
  // What is garbage is not counted, and its collection is not the feed's doing.
  for (let times = 0; times < 2; times++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
  const found = {
    readyMs,
    stallMs,
    stallCpuMs,
    cpuMs: (user + system) / 1_000,
    heapMb: mb(heapUsed + arrayBuffers),
    rssMb: mb(rss),
  };
  readyMs = 0;
  cpu = process.cpuUsage();
  sampler.reset();
  return found;
}

function mb(bytes: number): number {
  return bytes / 2 ** 20;
}

let next = 0;

async function calls(seconds: number): Promise<Measured> {
  return closedLoop(() => get(urls[next++ % urls.length] as string), 30, seconds);
}

endWithParent();
process.on('message', (question: ClientQuestion) => {
  if (question.do === 'figures') void figures().then(tellParent);
  else void calls(question.seconds).then(tellParent);
});
tellParent({});
