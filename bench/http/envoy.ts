import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { envoyBootstrap, type Json } from './feed.ts';

/** Where the peers' scripts put Envoy; null where it is not installed. */
export function findEnvoy(): string | null {
  const path = join(process.env.PEERS_HOME ?? join(homedir(), '.cache', 'mesh-peers'), 'bin', 'envoy');
  return existsSync(path) ? path : null;
}

/** A running Envoy with one listener per group of upstream ports. */
export interface RunningEnvoy {
  readonly ports: readonly number[];
  stop(): Promise<void>;
}

/** An Envoy with a listener before each group of endpoints. */
export function startEnvoy(binary: string, upstreams: readonly (readonly number[])[]): Promise<RunningEnvoy> {
  return runEnvoy(binary, upstreams.length, (ports) => envoyBootstrap(ports, upstreams));
}

/** Starts Envoy with one worker thread, as sidecars of small pods run, and waits until it takes connections on so many ports. */
export async function runEnvoy(
  binary: string,
  listeners: number,
  bootstrap: (ports: readonly number[]) => Json,
): Promise<RunningEnvoy> {
  const ports = await Promise.all(Array.from({ length: listeners }, freePort));
  // The base id names Envoy's shared memory: a number of our own, so that other Envoys of this machine are none of ours.
  const baseId = `${((process.pid * 16 + (ports[0] ?? 0)) % 1_000_000) + 1_000}`;
  const child = spawn(
    binary,
    [
      '--config-yaml',
      JSON.stringify(bootstrap(ports)),
      '--base-id',
      baseId,
      '--concurrency',
      '1',
      '-l',
      'error',
      '--drain-time-s',
      '0',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const kill = () => child.kill('SIGKILL');
  process.on('exit', kill);
  const stop = async () => {
    process.off('exit', kill);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  };
  try {
    for (const port of ports) await reachable(port, () => child.exitCode === null);
  } catch (cause) {
    await stop();
    throw new Error(`Envoy did not start: ${said.trim() || String(cause)}`, { cause });
  }
  return { ports, stop };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { readonly port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Tries for ten seconds: a start of Envoy takes under one. */
async function reachable(port: number, alive: () => boolean): Promise<void> {
  for (const until = performance.now() + 10_000; performance.now() < until && alive(); ) {
    if (await accepts(port)) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`nothing listens on port ${port}`);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}
