/** What a command may touch of the world: its lines go out here, and the signal ends it. */
export interface CommandIo {
  readonly out: (line: string) => void;
  readonly err: (line: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ends a command that goes on by itself, as SIGINT and SIGTERM do. */
  readonly signal?: AbortSignal;
}

export function processIo(): CommandIo {
  return {
    out: (line) => process.stdout.write(`${line}\n`),
    err: (line) => process.stderr.write(`${line}\n`),
    env: process.env,
  };
}
