import { argument, tellParent } from '../processes.ts';

/** What a fresh process found out about itself. Times count from the first statement of the program. */
export interface Started {
  readonly importMs: number;
  /** Until calls can be made: `createMesh()` has resolved. */
  readonly readyMs: number;
  /** Until the first answer was read to its end, the routes fetched from the control plane included. */
  readonly firstCallMs: number;
  readonly rssMb: number;
}

export interface ProbeArgument {
  readonly subject: string;
  /** The service by name for the mesh, the endpoint's address for undici. */
  readonly url: string;
  readonly bootstrapConfig: string;
}

const { subject, url, bootstrapConfig } = argument<ProbeArgument>();
const before = performance.now();
const since = () => performance.now() - before;

tellParent(subject === 'inmesh' ? await startMesh() : await startUndici());
process.disconnect();

async function startMesh(): Promise<Started> {
  const { createMesh } = await import('inmesh');
  const importMs = since();
  const mesh = await createMesh({ bootstrapConfig });
  const readyMs = since();
  const response = await mesh.fetch(url);
  await response.arrayBuffer();
  const started = { importMs, readyMs, firstCallMs: since(), rssMb: rssMb() };
  mesh.close();
  return started;
}

async function startUndici(): Promise<Started> {
  const { Agent, fetch } = await import('undici');
  const importMs = since();
  const dispatcher = new Agent();
  const readyMs = since();
  const response = await fetch(url, { dispatcher });
  await response.arrayBuffer();
  const started = { importMs, readyMs, firstCallMs: since(), rssMb: rssMb() };
  await dispatcher.destroy();
  return started;
}

function rssMb(): number {
  return process.memoryUsage.rss() / 2 ** 20;
}
