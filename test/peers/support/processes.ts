import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** Lines kept of what a process says: enough to see how it came to fail. */
const KEPT_LINES = 400;
/** Milliseconds a process has to end after SIGTERM before it is killed. */
const STOP_MS = 5_000;

const running = new Set<PeerProcess>();
// A run that dies of an error that nobody caught must not leave its peers behind.
process.on('exit', () => {
  for (const peer of running) peer.kill();
});

/** A real peer in a process of its own: what it says is kept, and it is ended by its own pid, whatever happens to us. */
export class PeerProcess {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #lines: string[] = [];
  readonly #listeners = new Set<(line: string) => void>();

  /** `env`: beside the variables of this process. */
  constructor(name: string, command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.name = name;
    this.#child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    this.#exited = once(this.#child, 'exit');
    this.#exited.catch(() => {});
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on('line', (line) => this.#heard(line));
    }
    running.add(this);
    void this.#exited.then(() => running.delete(this));
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get log(): string {
    return `--- ${this.name} (pid ${this.#child.pid}) ---\n${this.#lines.join('\n')}`;
  }

  onLine(listener: (line: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Asks it to end and waits until it has; kills it where it does not. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (!this.alive) return;
    this.#child.kill(signal);
    const last = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS);
    await this.#exited;
    clearTimeout(last);
  }

  /** Ends it at once, without waiting for it. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #heard(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length > KEPT_LINES) this.#lines.shift();
    for (const listener of this.#listeners) listener(line);
  }
}

/** What the peers that still run have said, for a test that failed. */
export function runningLogs(): string {
  return [...running].map(({ log }) => log).join('\n');
}

/** Ends what a suite left behind. */
export async function stopAll(): Promise<void> {
  await Promise.all([...running].map((peer) => peer.stop()));
}
