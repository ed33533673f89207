import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A module of this folder in a process of its own, spoken to by messages. It must end when its parent is gone (`endWithParent`). */
export class Helper {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Starts it, with this process's flags if no others are given; resolves with its first message. */
  static async start<T>(
    module: URL,
    argument: unknown,
    execArgv = process.execArgv,
  ): Promise<{ readonly helper: Helper; readonly ready: T }> {
    const child = fork(fileURLToPath(module), [JSON.stringify(argument)], {
      serialization: 'advanced',
      execArgv: [...execArgv],
    });
    const helper = new Helper(child);
    return { helper, ready: await helper.#next<T>() };
  }

  /** Sends a message and waits for the answer; one at a time. */
  async ask<T>(message: unknown): Promise<T> {
    this.#child.send(message as object);
    return this.#next<T>();
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill();
    await ended;
  }

  async #next<T>(): Promise<T> {
    const given = new AbortController();
    const exit = once(this.#child, 'exit', { signal: given.signal }).then(([code, signal]) => {
      throw new Error(`${this.#child.spawnargs[1]} ended too early (${signal ?? `status ${code}`})`);
    });
    exit.catch(() => {});
    const [message] = await Promise.race([once(this.#child, 'message', { signal: given.signal }), exit]).finally(() =>
      given.abort(),
    );
    return message as T;
  }
}

/** For the helper itself: what it was started with. */
export function argument<T>(): T {
  return JSON.parse(process.argv[2] as string) as T;
}

/** For the helper itself: speaks to the parent, and ends with it, however that came about. */
export function tellParent(message: object): void {
  process.send?.(message);
}

export function endWithParent(): void {
  process.on('disconnect', () => process.exit(0));
}
