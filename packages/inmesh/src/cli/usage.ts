import { type ParseArgsConfig, parseArgs } from 'node:util';

/** The command was called wrongly: exit code 2, and the usage beside the message. */
export class UsageError extends Error {
  override readonly name: string = 'UsageError';
}

/** Node's `parseArgs`, whose complaints about the command line are its caller's mistakes and no failure of ours. */
export function parseCommandLine<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (cause) {
    throw new UsageError((cause as Error).message, { cause });
  }
}
