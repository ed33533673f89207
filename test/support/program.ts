import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** How a program ended, and what it said. */
export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A program of a few lines in a process of its own, with the sources of the workspace. */
export class Program {
  readonly ended: Promise<Ended>;
  readonly #child: ReturnType<typeof spawn>;
  #out = '';
  #err = '';
  readonly #listeners = new Set<() => void>();

  constructor(code: string, { node = process.execPath, env = {} }: { node?: string; env?: NodeJS.ProcessEnv } = {}) {
    this.#child = spawn(node, ['--conditions=@inmesh/source', '--input-type=module', '--eval', code], {
      cwd: root,
      env: { ...process.env, NODE_OPTIONS: '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout?.on('data', (chunk) => {
      this.#out += chunk;
      for (const listener of this.#listeners) listener();
    });
    this.#child.stderr?.on('data', (chunk) => {
      this.#err += chunk;
    });
    this.ended = new Promise((resolve) => {
      this.#child.on('close', (code) => resolve({ code, out: this.#out, err: this.#err }));
    });
  }

  /** Resolves once it has said this; rejects if it ends before. */
  said(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (!this.#out.includes(text)) return;
        this.#listeners.delete(look);
        resolve();
      };
      this.#listeners.add(look);
      void this.ended.then(({ out, err }) => reject(new Error(`it ended without saying "${text}": ${out} ${err}`)));
      look();
    });
  }

  /** What it said so far. */
  get output(): string {
    return this.#out;
  }

  /** What it has said so far. */
  get out(): string {
    return this.#out;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  close(): void {
    if (this.running) this.#child.kill('SIGKILL');
  }
}
