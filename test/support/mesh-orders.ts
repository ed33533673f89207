import { createMesh, type Explanation, type MeshOptions } from 'inmesh';

/** What a thread or process with a mesh is asked for. */
export type MeshOrder =
  | { readonly do: 'get' | 'explain' | 'load'; readonly url: string }
  | { readonly do: 'feed' | 'warnings' | 'progress' | 'stop' | 'close' };

export interface NumberedOrder {
  readonly id: number;
  readonly order: MeshOrder;
}

export interface MeshAnswer {
  readonly id: number;
  readonly value: unknown;
  readonly error: string | null;
}

/** Options that can be told to another thread or process. */
export type RemoteOptions = Pick<
  MeshOptions,
  'bootstrap' | 'bootstrapConfig' | 'threads' | 'broker' | 'stateDirectory'
>;

/** The state of a feed elsewhere. */
export interface RemoteFeed {
  readonly stream: { readonly via: string | null; readonly connected: boolean; readonly lastError: string | null };
}

/** What became of calls that are made one after the other. */
export interface Progress {
  readonly calls: number;
  readonly failures: readonly string[];
  /** The last answer. */
  readonly last: string;
}

/** Makes a mesh that does what it is told. */
export async function obedientMesh(options: RemoteOptions): Promise<(order: NumberedOrder) => Promise<MeshAnswer>> {
  const warnings: string[] = [];
  const mesh = await createMesh({ env: {}, ...options, onWarning: ({ message }) => warnings.push(message) });
  let loading = false;
  let calls = 0;
  let last = '';
  const failures: string[] = [];

  const load = async (url: string): Promise<void> => {
    while (loading) {
      const response = await mesh.fetch(url);
      last = await response.text();
      calls++;
      if (!response.ok) failures.push(`${response.status} ${last}`);
    }
  };

  const obey = async (order: MeshOrder): Promise<unknown> => {
    switch (order.do) {
      case 'get':
        return (await mesh.fetch(order.url)).text();
      case 'explain':
        return mesh.explain(order.url);
      case 'feed':
        return mesh.feed();
      case 'warnings':
        return warnings;
      case 'load':
        loading = true;
        for (let i = 0; i < 3; i++) load(order.url).catch((error) => failures.push(String(error)));
        return null;
      case 'progress':
        return { calls, failures, last } satisfies Progress;
      case 'stop':
        loading = false;
        return null;
      case 'close':
        loading = false;
        mesh.close();
        return null;
    }
  };

  return ({ id, order }) =>
    obey(order).then(
      (value) => ({ id, value, error: null }),
      (error) => ({ id, value: null, error: String(error) }),
    );
}

/** Tells a mesh in another thread or process what to do. */
export class RemoteMesh {
  readonly #send: (order: NumberedOrder) => void;
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  #orders = 0;

  constructor(send: (order: NumberedOrder) => void) {
    this.#send = send;
  }

  get(url: string): Promise<string> {
    return this.#ask({ do: 'get', url });
  }
  explain(url: string): Promise<Explanation> {
    return this.#ask({ do: 'explain', url });
  }
  feed(): Promise<RemoteFeed> {
    return this.#ask({ do: 'feed' });
  }
  warnings(): Promise<string[]> {
    return this.#ask({ do: 'warnings' });
  }
  /** Calls a service on and on, three calls at a time. */
  load(url: string): Promise<null> {
    return this.#ask({ do: 'load', url });
  }
  progress(): Promise<Progress> {
    return this.#ask({ do: 'progress' });
  }
  stop(): Promise<null> {
    return this.#ask({ do: 'stop' });
  }
  /** Closes its mesh; then nothing keeps it alive. */
  leave(): Promise<null> {
    return this.#ask({ do: 'close' });
  }

  answered({ id, value, error }: MeshAnswer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === null) waiting?.resolve(value);
    else waiting?.reject(new Error(error));
  }

  fail(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  #ask<T>(order: MeshOrder): Promise<T> {
    const id = this.#orders++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#send({ id, order });
    });
  }
}
