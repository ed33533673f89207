import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { type MeshAnswer, RemoteMesh, type RemoteOptions } from './mesh-orders.ts';

/** A thread with a mesh of its own. */
export class MeshWorker extends RemoteMesh {
  readonly ended: Promise<number>;
  readonly #worker: Worker;

  constructor(options: RemoteOptions) {
    const worker = new Worker(new URL('./mesh-worker.ts', import.meta.url), { workerData: options });
    super((order) => worker.postMessage(order));
    this.#worker = worker;
    worker.on('message', (answer: MeshAnswer) => this.answered(answer));
    worker.on('error', (error: Error) => this.fail(error));
    this.ended = new Promise((resolve) => {
      worker.on('exit', (code) => {
        this.fail(new Error(`the worker ended with ${code}`));
        resolve(code);
      });
    });
  }

  /** Kills it. */
  close(): Promise<number> {
    return this.#worker.terminate();
  }
}

/** A process with a mesh. */
export class MeshProcess extends RemoteMesh {
  readonly ended: Promise<number | null>;
  readonly #child: ChildProcess;

  constructor(options: RemoteOptions) {
    const child = fork(fileURLToPath(new URL('./mesh-process.ts', import.meta.url)), [JSON.stringify(options)], {
      execArgv: ['--conditions=@inmesh/source'],
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    super((order) => child.send(order));
    this.#child = child;
    child.on('message', (answer) => this.answered(answer as MeshAnswer));
    this.ended = new Promise((resolve) => {
      child.on('exit', (code, signal) => {
        this.fail(new Error(`the process ended with ${code ?? signal}`));
        resolve(code);
      });
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Kills it, stopped or not. */
  async close(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGKILL');
    await this.ended;
  }
}
