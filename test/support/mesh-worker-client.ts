import { Worker } from 'node:worker_threads';
import type { Explanation, MeshOptions } from 'inmesh';

/** What a worker with a mesh is asked for. */
export type WorkerOrder =
  | { readonly id: number; readonly do: 'get' | 'explain'; readonly url: string }
  | { readonly id: number; readonly do: 'feed' | 'warnings' | 'close' };

export interface WorkerAnswer {
  readonly id: number;
  readonly value: unknown;
  readonly error: string | null;
}

/** The state of a worker's feed. */
export interface WorkerFeed {
  readonly stream: { readonly via: string | null; readonly connected: boolean; readonly lastError: string | null };
}

/** A thread with a mesh of its own. */
export class MeshWorker {
  readonly ended: Promise<number>;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  #orders = 0;

  constructor(options: Pick<MeshOptions, 'bootstrapConfig' | 'threads'>) {
    this.#worker = new Worker(new URL('./mesh-worker.ts', import.meta.url), { workerData: options });
    this.#worker.on('message', ({ id, value, error }: WorkerAnswer) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === null) waiting?.resolve(value);
      else waiting?.reject(new Error(error));
    });
    const fail = (error: Error): void => {
      for (const { reject } of this.#waiting.values()) reject(error);
    };
    this.#worker.on('error', fail);
    this.ended = new Promise((resolve) => {
      this.#worker.on('exit', (code) => {
        fail(new Error(`the worker ended with ${code}`));
        resolve(code);
      });
    });
  }

  get(url: string): Promise<string> {
    return this.#ask({ do: 'get', url });
  }
  explain(url: string): Promise<Explanation> {
    return this.#ask({ do: 'explain', url });
  }
  feed(): Promise<WorkerFeed> {
    return this.#ask({ do: 'feed' });
  }
  warnings(): Promise<string[]> {
    return this.#ask({ do: 'warnings' });
  }
  /** Closes its mesh; then nothing keeps it alive. */
  leave(): Promise<null> {
    return this.#ask({ do: 'close' });
  }
  /** Kills it. */
  close(): Promise<number> {
    return this.#worker.terminate();
  }

  #ask<T>(order: { readonly do: WorkerOrder['do']; readonly url?: string }): Promise<T> {
    const id = this.#orders++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#worker.postMessage({ id, ...order });
    });
  }
}
