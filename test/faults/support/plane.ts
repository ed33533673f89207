import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ResourceInput } from '@inmesh/control-plane';
import { Gcp } from '../../peers/support/gcp.ts';
import type { Order } from './plane-main.ts';

/** A control plane in a process of its own, which things are done to. It keeps its address over restarts. */
export interface Plane {
  readonly address: string;
  /** Other resources. */
  serve(resources: readonly ResourceInput[]): Promise<void>;
  /** At once, without a goodbye. */
  kill(): Promise<void>;
  /** After `kill`. */
  start(resources: readonly ResourceInput[]): Promise<void>;
  /** Stops the process where it stands (SIGSTOP): its kernel goes on taking connections and bytes. */
  pause(): void;
  resume(): void;
  close(): Promise<void>;
}

const main = fileURLToPath(new URL('./plane-main.ts', import.meta.url));

/** The embedded control plane. */
export class EmbeddedPlane implements Plane {
  address = '';
  readonly #host: string;
  readonly #within: readonly string[];
  #port = 0;
  #child: ChildProcess | null = null;

  private constructor(host: string, within: readonly string[]) {
    this.#host = host;
    this.#within = within;
  }

  /** `within`: a command that runs the one after it, somewhere else. */
  static async start(
    resources: readonly ResourceInput[],
    { host = '127.0.0.1', within = [] }: { readonly host?: string; readonly within?: readonly string[] } = {},
  ): Promise<EmbeddedPlane> {
    const plane = new EmbeddedPlane(host, within);
    await plane.start(resources);
    return plane;
  }

  async start(resources: readonly ResourceInput[]): Promise<void> {
    const [command = '', ...args] = [...this.#within, process.execPath, ...process.execArgv, main];
    this.#child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    await this.#order({ listen: { host: this.#host, port: this.#port }, resources: [...resources] });
  }

  serve(resources: readonly ResourceInput[]): Promise<void> {
    return this.#order({ resources: [...resources] });
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  close(): Promise<void> {
    return this.kill();
  }

  async #order(order: Order): Promise<void> {
    const child = this.#child as ChildProcess;
    const given = new AbortController();
    const ended = once(child, 'exit', { signal: given.signal }).then(([code, signal]) => {
      throw new Error(`the control plane ended (${signal ?? `status ${code}`})`);
    });
    ended.catch(() => {});
    const answered = once(child, 'message', { signal: given.signal });
    child.send(order);
    const [{ address }] = (await Promise.race([answered, ended]).finally(() => given.abort())) as [
      { readonly address: string },
    ];
    this.address = address;
    this.#port = Number(address.split(':').at(-1));
  }
}

/** A real go-control-plane. */
export class GcpPlane implements Plane {
  readonly #gcp: Gcp;

  private constructor(gcp: Gcp) {
    this.#gcp = gcp;
  }

  static async start(resources: readonly ResourceInput[]): Promise<GcpPlane> {
    return new GcpPlane(await Gcp.start(resources));
  }

  get address(): string {
    return `127.0.0.1:${this.#gcp.port}`;
  }

  async serve(resources: readonly ResourceInput[]): Promise<void> {
    this.#gcp.write(resources);
  }

  kill(): Promise<void> {
    return this.#gcp.kill();
  }

  async start(resources: readonly ResourceInput[]): Promise<void> {
    this.#gcp.write(resources);
    await this.#gcp.restart();
  }

  /** Without a snapshot: every question stays open. */
  async startWithoutSnapshot(): Promise<void> {
    this.#gcp.forget();
    await this.#gcp.restart();
  }

  pause(): void {
    this.#gcp.signal('SIGSTOP');
  }

  resume(): void {
    this.#gcp.signal('SIGCONT');
  }

  close(): Promise<void> {
    return this.#gcp.stop();
  }
}
