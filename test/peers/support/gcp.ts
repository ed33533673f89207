import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ResourceInput } from '@inmesh/control-plane';
import { binaryOf } from './peers.ts';
import { freePorts } from './ports.ts';
import { PeerProcess } from './processes.ts';
import { until } from './until.ts';

/** A line of gcp's log: see test/peers/go-control-plane/main.go. */
export interface GcpEvent {
  readonly event: 'listening' | 'snapshot' | 'request' | 'response' | 'ack' | 'nack';
  readonly node?: string;
  readonly type?: string;
  readonly message?: string;
  readonly error?: string;
}

/** A real go-control-plane, fed by a file that all nodes get, on a port that it keeps over restarts. */
export class Gcp {
  readonly port: number;
  readonly events: GcpEvent[] = [];
  readonly #folder: string;
  #process: PeerProcess | null = null;
  #version = 0;

  private constructor(port: number) {
    this.port = port;
    this.#folder = mkdtempSync(join(tmpdir(), 'inmesh-gcp-'));
  }

  static async start(resources: readonly ResourceInput[]): Promise<Gcp> {
    const [port = 0] = await freePorts(1);
    const gcp = new Gcp(port);
    gcp.write(resources);
    await gcp.restart();
    return gcp;
  }

  /** Replaces the file in one step, so that it is never read half written. */
  write(resources: readonly ResourceInput[]): void {
    const file = join(this.#folder, 'default.json');
    writeFileSync(`${file}.part`, JSON.stringify({ version: `${++this.#version}`, resources }));
    renameSync(`${file}.part`, file);
  }

  /** Takes the file away: from its next start it has nothing to say. */
  forget(): void {
    rmSync(join(this.#folder, 'default.json'));
  }

  /** Starts it (again); ready when it listens. */
  async restart(): Promise<void> {
    await this.kill();
    const process = new PeerProcess('gcp', binaryOf('gcp'), [
      '-listen',
      `127.0.0.1:${this.port}`,
      '-dir',
      this.#folder,
    ]);
    this.#process = process;
    const from = this.events.length;
    process.onLine((line) => {
      if (line.startsWith('{')) this.events.push(JSON.parse(line) as GcpEvent);
    });
    await until('gcp listens', () => {
      if (!process.alive) throw new Error(process.log);
      return this.events.slice(from).some(({ event }) => event === 'listening');
    });
  }

  async kill(): Promise<void> {
    await this.#process?.stop('SIGKILL');
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.signal(signal);
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
