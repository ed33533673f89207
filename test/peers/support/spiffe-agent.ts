import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { binaryOf } from './peers.ts';
import { freePorts } from './ports.ts';
import { PeerProcess } from './processes.ts';
import { until } from './until.ts';

/** What the agent serves; see test/peers/spiffe/main.go. */
export interface SpiffeState {
  /** Default `TRUST_DOMAIN`. */
  readonly trustDomain?: string;
  readonly svids?: readonly { readonly id: string; readonly hint?: string; readonly ttlSeconds?: number }[];
  readonly federated?: readonly string[];
  readonly newRoot?: boolean;
  readonly revoke?: boolean;
  /** gRPC's code. */
  readonly refuse?: number;
  readonly wrongKey?: boolean;
}

/** What a state became. */
export interface SpiffeMade {
  /** PEM, by trust domain. */
  readonly roots: { readonly [trustDomain: string]: string };
  /** Hexadecimal serial numbers of the SVIDs. */
  readonly serials: readonly string[];
}

/** A call that came to the agent. */
export interface SpiffeCall {
  readonly call: string;
  readonly header: readonly string[] | null;
}

export const TRUST_DOMAIN = 'example.org';

/** A real Workload API, made with go-spiffe, on a socket that it keeps over restarts. */
export class SpiffeAgent {
  readonly endpoint: string;
  readonly calls: SpiffeCall[] = [];
  readonly #folder: string;
  readonly #control: string;
  #process: PeerProcess | null = null;

  private constructor(folder: string, control: string) {
    this.#folder = folder;
    this.endpoint = `unix://${join(folder, 'agent.sock')}`;
    this.#control = control;
  }

  static async start(): Promise<SpiffeAgent> {
    const [port] = await freePorts(1);
    const agent = new SpiffeAgent(mkdtempSync(join(tmpdir(), 'inmesh-spiffe-')), `127.0.0.1:${port}`);
    await agent.restart();
    return agent;
  }

  /** Starts it (again), with a CA of its own. */
  async restart(): Promise<void> {
    await this.kill();
    const socket = join(this.#folder, 'agent.sock');
    rmSync(socket, { force: true });
    const process = new PeerProcess('spiffe-agent', binaryOf('spiffe-agent'), [
      ...['-socket', socket],
      ...['-control', this.#control],
    ]);
    this.#process = process;
    process.onLine((line) => {
      if (line.startsWith('{')) this.calls.push(JSON.parse(line) as SpiffeCall);
    });
    await until('the agent serves', async () => {
      if (!process.alive) throw new Error(process.log);
      return (await this.serve({})) !== null;
    });
  }

  async serve({ svids = [], ...state }: SpiffeState): Promise<SpiffeMade> {
    const response = await fetch(`http://${this.#control}/state`, {
      method: 'POST',
      body: JSON.stringify({
        trustDomain: TRUST_DOMAIN,
        svids: svids.map((svid) => ({ hint: '', ttlSeconds: 3600, ...svid })),
        ...state,
      }),
    });
    const { Roots, Serials } = (await response.json()) as { Roots: SpiffeMade['roots']; Serials: string[] | null };
    return { roots: Roots, serials: Serials ?? [] };
  }

  async kill(): Promise<void> {
    await this.#process?.stop('SIGKILL');
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
