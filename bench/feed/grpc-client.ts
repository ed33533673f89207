import { Client, credentials } from '@grpc/grpc-js';
import { argument, endWithParent, tellParent } from '../processes.ts';
import type { ClientArgument, ClientQuestion, Figures } from './client.ts';
import { StallSampler } from './stall.ts';

// What grpc-js-xds does with the same feed: a channel for each service, which is ready when one of its endpoints is connected.
const { controlPlane, urls } = argument<ClientArgument>();
process.env.GRPC_XDS_BOOTSTRAP_CONFIG = JSON.stringify({
  xds_servers: [{ server_uri: controlPlane, channel_creds: [{ type: 'insecure' }], server_features: ['xds_v3'] }],
  node: { id: 'bench', locality: {} },
});
const { register } = await import('@grpc/grpc-js-xds');
register();
const sampler = new StallSampler();
let cpu = process.cpuUsage();
const begun = performance.now();
const clients = urls.map((url) => new Client(`xds:///${new URL(url).host}`, credentials.createInsecure()));
endWithParent();
process.on('message', (question: ClientQuestion) => {
  if (question.do === 'figures') void figures().then(tellParent);
});
let readyMs = 0;
const { call } = argument<ClientArgument>();
await Promise.all(clients.map((client) => (call ? ready(client) : connecting(client))));
readyMs = performance.now() - begun;
tellParent({});

function ready(client: Client): Promise<void> {
  return new Promise((resolve, reject) => {
    client.waitForReady(Date.now() + 60_000, (error) => (error === undefined ? resolve() : reject(error)));
  });
}

/** None of its endpoints can be reached; that they are known, the control plane hears. */
async function connecting(client: Client): Promise<void> {
  client.getChannel().getConnectivityState(true);
}

async function figures(): Promise<Figures> {
  const { longest: stallMs, longestCpu: stallCpuMs } = sampler;
  const { user, system } = process.cpuUsage(cpu);
  for (let times = 0; times < 2; times++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
  cpu = process.cpuUsage();
  sampler.reset();
  return {
    readyMs,
    stallMs,
    stallCpuMs,
    cpuMs: (user + system) / 1_000,
    heapMb: (heapUsed + arrayBuffers) / 2 ** 20,
    rssMb: rss / 2 ** 20,
  };
}
