import type { Serializable } from 'node:child_process';
import { type ChildProcess, fork, spawn } from 'node:child_process';

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Characters of a child's complaints that are kept to explain its end. */
const KEPT = 2_000;

/** A process of the demo. */
export class Child {
  readonly name: string;
  readonly exited: Promise<Exit>;
  readonly #process: ChildProcess;
  #said = '';
  #wanted = false;
  #alive = true;

  constructor(name: string, process: ChildProcess, onLost: (error: Error) => void) {
    this.name = name;
    this.#process = process;
    process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#said = (this.#said + text).slice(-KEPT);
    });
    this.exited = new Promise((resolve) => {
      const end = (exit: Exit, why: string) => {
        if (!this.#alive) return;
        this.#alive = false;
        resolve(exit);
        if (!this.#wanted) onLost(new Error(`${name} ended by itself: ${why}\n${this.#said}`.trimEnd()));
      };
      process.once('exit', (code, signal) => end({ code, signal }, signal ?? `exit code ${code}`));
      process.once('error', (error) => end({ code: null, signal: null }, error.message));
    });
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** What it wrote to stderr, the end of it. */
  get said(): string {
    return this.#said;
  }

  send(message: Serializable): void {
    if (this.#alive && this.#process.connected) this.#process.send(message);
  }

  /** Ends it; from now on its end is no surprise. */
  end(signal: NodeJS.Signals): Promise<Exit> {
    this.#wanted = true;
    if (this.#alive) this.#process.kill(signal);
    return this.exited;
  }
}

/** Milliseconds that processes have to end when the demo does. */
const PATIENCE_MS = 3_000;

/** All processes that the demo started: none outlives it. */
export class Children {
  /** Where Node keeps what it has compiled: a process after the first starts with a third of the work. */
  readonly #cache: string;
  readonly #all = new Set<Child>();
  #over = false;
  readonly #lost = Promise.withResolvers<never>();

  constructor(cache: string) {
    this.#cache = cache;
    // Whoever waits hears of it; nobody has to.
    this.#lost.promise.catch(() => {});
    // The last way out, whatever the reason.
    process.on('exit', this.#killAll);
  }

  /** Rejects when a process ends that nobody ended. */
  get lost(): Promise<never> {
    return this.#lost.promise;
  }

  /** Starts a TypeScript file of this example in a Node process with a channel to the demo; the end of the channel ends it. */
  fork<Message>(
    name: string,
    file: URL,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    onMessage: (message: Message) => void,
  ): Child {
    this.#refuseAfterEnd();
    const child = fork(file, args, {
      execArgv: ['--conditions=@inmesh/source'],
      env: { ...process.env, NODE_COMPILE_CACHE: this.#cache, ...env },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    child.on('message', (message) => onMessage(message as Message));
    return this.#add(name, child);
  }

  spawn(name: string, command: string, args: readonly string[]): Child {
    this.#refuseAfterEnd();
    return this.#add(name, spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] }));
  }

  /** Asks all to end, and makes those that do not. */
  async end(): Promise<void> {
    this.#over = true;
    const timer = setTimeout(this.#killAll, PATIENCE_MS);
    await Promise.all([...this.#all].map((child) => child.end('SIGTERM')));
    clearTimeout(timer);
    process.off('exit', this.#killAll);
  }

  readonly #killAll = (): void => {
    for (const child of this.#all) void child.end('SIGKILL');
  };

  /** What was under way when the end came must not start anything more. */
  #refuseAfterEnd(): void {
    if (this.#over) throw new Error('the demo is over');
  }

  #add(name: string, process: ChildProcess): Child {
    const child = new Child(name, process, this.#lost.reject);
    this.#all.add(child);
    void child.exited.then(() => this.#all.delete(child));
    return child;
  }
}
