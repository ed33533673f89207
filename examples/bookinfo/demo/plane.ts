import type { Child, Children, Exit } from './children.ts';
import type { FromPlane, PlaneNode } from './messages.ts';

const SCRIPT = new URL('../control-plane.ts', import.meta.url);

/** Milliseconds to wait for clients to follow: a client that comes back after an outage may take some seconds. */
const PATIENCE_MS = 15_000;

/** The control plane's process, and what it tells of its clients. */
export class Plane {
  readonly port: number;
  readonly #children: Children;
  readonly #folder: string;
  #child: Child | null = null;
  #state: FromPlane | null = null;
  #clientsBefore: readonly string[] = [];
  #waiting: (() => void)[] = [];

  constructor(children: Children, folder: string, port: number) {
    this.#children = children;
    this.#folder = folder;
    this.port = port;
  }

  get running(): boolean {
    return this.#child?.alive ?? false;
  }

  get nodes(): readonly PlaneNode[] {
    return this.#state?.nodes ?? [];
  }

  async start(): Promise<void> {
    this.#state = null;
    this.#child = this.#children.fork<FromPlane>(
      'control plane',
      SCRIPT,
      [this.#folder, `${this.port}`],
      {},
      (state) => {
        this.#state = state;
        for (const wake of this.#waiting.splice(0)) wake();
      },
    );
    await this.#until('starts', () => this.#state !== null);
  }

  async stop(): Promise<Exit> {
    this.#clientsBefore = this.nodes.map(({ id }) => id);
    const exit = await this.#child?.end('SIGTERM');
    if (exit === undefined) throw new Error('the control plane does not run');
    this.#state = null;
    return exit;
  }

  /** Makes a change to the feed and waits until every client has accepted it. */
  async follow(change: () => Promise<void>): Promise<void> {
    const before = this.#state?.loads ?? 0;
    await change();
    await this.#until('is followed by all', () => this.#loads > before && this.nodes.every(({ settled }) => settled));
  }

  /** Waits until all that were its clients when it was stopped have come back and accepted what is served. */
  async clientsBack(): Promise<void> {
    await this.#until('gets its clients back', () =>
      this.#clientsBefore.every((id) => this.nodes.some((node) => node.id === id && node.settled)),
    );
  }

  get #loads(): number {
    return this.#state?.loads ?? 0;
  }

  async #until(what: string, holds: () => boolean): Promise<void> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const nodes = this.nodes.map(({ id, settled }) => `${id} ${settled ? 'has all' : 'lags'}`).join(', ');
      late.reject(new Error(`the control plane ${what}: not within ${PATIENCE_MS} ms (${nodes || 'no clients'})`));
    }, PATIENCE_MS);
    try {
      for (;;) {
        this.#refuseMistakes();
        if (holds()) return;
        await Promise.race([late.promise, new Promise<void>((resolve) => this.#waiting.push(resolve))]);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #refuseMistakes(): void {
    const [error] = this.#state?.errors ?? [];
    if (error !== undefined) throw new Error(`the feed has a mistake: ${error}`);
    for (const { id, nack } of this.nodes) if (nack !== null) throw new Error(`${id} rejects the feed: ${nack}`);
  }
}
