import { parseArgs } from 'node:util';
import type { ListenAt } from '@inmesh/transports/rpc';
import { startControlPlane } from './control-plane.ts';
import { describeEvent } from './describe-event.ts';

/** What the command needs of the process it runs in. */
export interface CommandIo {
  out(line: string): void;
  err(line: string): void;
  /** Ends the command like SIGINT and SIGTERM do. */
  readonly signal?: AbortSignal;
}

export const controlPlaneUsage: string = `Usage: inmesh control-plane FOLDER [--listen HOST:PORT | --listen unix:PATH]

Serves the resources in the YAML and JSON files of FOLDER over ADS, and serves changes as files are saved.

  --listen   where to listen; default 127.0.0.1:18000, out of reach of other machines because nobody is asked who they are`;

/** `inmesh control-plane FOLDER`: prints a line per event until it is stopped. Resolves to the exit code. */
export async function runControlPlaneCommand(args: readonly string[], io: CommandIo): Promise<number> {
  let folder: string;
  let listen: ListenAt;
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { listen: { type: 'string', default: '127.0.0.1:18000' }, help: { type: 'boolean', short: 'h' } },
    });
    if (values.help) {
      io.out(controlPlaneUsage);
      return 0;
    }
    if (positionals.length !== 1)
      throw new Error(positionals.length === 0 ? 'FOLDER is missing' : 'give one FOLDER only');
    folder = positionals[0] as string;
    listen = parseListen(values.listen);
  } catch (error) {
    io.err(`${(error as Error).message}\n\n${controlPlaneUsage}`);
    return 2;
  }
  try {
    const plane = await startControlPlane({ folder, listen, onEvent: (event) => io.out(describeEvent(event)) });
    io.out(`listening on ${plane.address}`);
    await stopped(io.signal);
    await plane.close();
    io.out('stopped');
    return 0;
  } catch (error) {
    io.err((error as Error).message);
    return 1;
  }
}

function parseListen(text: string): ListenAt {
  if (text.startsWith('unix:')) return { path: text.slice('unix:'.length) };
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d+)$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65535) throw new Error(`--listen ${text}: write HOST:PORT, [IPV6]:PORT or unix:PATH`);
  return { host: match[1] ?? (match[2] || '127.0.0.1'), port };
}

/** Until SIGINT, SIGTERM or the signal given; no handler stays behind. */
function stopped(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const stop = () => {
      process.off('SIGINT', stop);
      process.off('SIGTERM', stop);
      signal?.removeEventListener('abort', stop);
      resolve();
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
    signal?.addEventListener('abort', stop);
    if (signal?.aborted) stop();
  });
}
