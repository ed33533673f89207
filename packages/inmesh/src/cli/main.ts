import { isMeshError } from '@inmesh/core';
import { explainCommand } from './explain.ts';
import { type CommandIo, processIo } from './io.ts';
import { UsageError } from './usage.ts';

const USAGE = `usage: inmesh COMMAND

  inmesh explain URL [--method M] [--header 'NAME: VALUE']... [--override JSON] [--bootstrap FILE] [--within MS] [--json]
      what would happen to a call, and why: each route and what it asks, filters, rules, clusters, endpoints
  inmesh feed [NAME|URL ...] [--all] [--type TYPE] [--watch] [--json | --contents] [--bootstrap FILE] [--within MS]
      what the feed holds: types, names, versions, status, errors
  inmesh control-plane FOLDER [--listen HOST:PORT]
      serves a folder of YAML and JSON resources over ADS, for development
  inmesh validate PATH [--profile envoy|grpc] [--strict] [--json]
      checks a folder or file of resources in the words of a NACK, for a pull request's CI
  inmesh ca FOLDER [NAMESPACE/ACCOUNT | SPIFFE-ID]... [--name DNS|IP]... [--trust-domain TD] [--ttl 24h] [--key-type TYPE] [--renew [--watch]]
      a trust domain in a folder: its root, certificates of workloads, their renewal, for development
  inmesh version
`;

/** Runs the command; the result is the exit code: 0, 1 for a failure, 2 for a mistake in the call. */
export async function main(args: readonly string[], io: CommandIo = processIo()): Promise<number> {
  const [command, ...rest] = args;
  try {
    switch (command) {
      case 'explain':
        return await explainCommand(rest, io);
      case 'feed': {
        const { feedCommand } = await import('./feed.ts');
        return await feedCommand(rest, io);
      }
      case 'control-plane': {
        const { runControlPlaneCommand } = await import('@inmesh/control-plane');
        return await runControlPlaneCommand(rest, io);
      }
      case 'validate': {
        const { runValidateCommand } = await import('@inmesh/control-plane');
        return runValidateCommand(rest, io);
      }
      case 'ca': {
        const { caCommand } = await import('./ca/command.ts');
        return await caCommand(rest, io);
      }
      case 'version': {
        const { VERSION } = await import('../version.ts');
        io.out(VERSION);
        return 0;
      }
      case undefined:
      case 'help':
      case '--help':
      case '-h':
        io.out(USAGE.trimEnd());
        return command === undefined ? 2 : 0;
      default:
        io.err(`inmesh: there is no command "${command}"\n${USAGE.trimEnd()}`);
        return 2;
    }
  } catch (error) {
    if (error instanceof UsageError) {
      io.err(`inmesh: ${error.message}\n${USAGE.trimEnd()}`);
      return 2;
    }
    if (!isMeshError(error)) throw error;
    io.err(`inmesh: ${error.message}`);
    return 1;
  }
}
