import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { binaryOf } from '../support/peers.ts';
import { freePorts } from '../support/ports.ts';
import { PeerProcess } from '../support/processes.ts';
import { until } from '../support/until.ts';

/** What Consul says of its CA. */
interface CaRoots {
  readonly ActiveRootID: string;
  readonly TrustDomain: string;
}

/** A Consul agent in dev mode on the loopback, with services that have sidecars. */
export class ConsulAgent {
  readonly #process: PeerProcess;
  readonly #folder: string;
  readonly #http: string;
  readonly #grpc: string;

  private constructor(process: PeerProcess, folder: string, http: string, grpc: string) {
    this.#process = process;
    this.#folder = folder;
    this.#http = http;
    this.#grpc = grpc;
  }

  /** Its HTTP API. */
  get address(): string {
    return this.#http;
  }

  /** `services` is the agent's `services` setting, `settings` are others; JSON. */
  static async start(services: readonly object[], settings: object = {}): Promise<ConsulAgent> {
    const [http, grpc, serf, server] = await freePorts(4);
    const folder = await mkdtemp(join(tmpdir(), 'inmesh-consul-'));
    const config = join(folder, 'agent.json');
    const off = { grpc_tls: -1, dns: -1, https: -1, serf_wan: -1 };
    await writeFile(
      config,
      JSON.stringify({
        disable_update_check: true,
        ports: { http, grpc, serf_lan: serf, server, ...off },
        services,
        ...settings,
      }),
    );
    const process = new PeerProcess('consul', binaryOf('consul'), [
      ...['agent', '-dev', '-bind=127.0.0.1', '-client=127.0.0.1', '-log-level=warn'],
      `-config-file=${config}`,
    ]);
    const agent = new ConsulAgent(process, folder, `http://127.0.0.1:${http}`, `http://127.0.0.1:${grpc}`);
    // The CA comes up last: without its roots no sidecar gets a feed.
    await until('Consul has a leader and a CA', async () => {
      const response = await fetch(`${agent.#http}/v1/agent/connect/ca/roots`);
      return response.ok && ((await response.json()) as { ActiveRootID: string }).ActiveRootID !== '';
    });
    return agent;
  }

  /** Has the CA make a new root, which issues from now on; the old one signs the new one across. The agent renews its leaves within half a minute, at a time of its choice. */
  async rotateCa(): Promise<void> {
    const before = await this.#json<CaRoots>('/v1/agent/connect/ca/roots');
    const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'sec1', format: 'pem' });
    const response = await fetch(`${this.#http}/v1/connect/ca/configuration`, {
      method: 'PUT',
      body: JSON.stringify({ Provider: 'consul', Config: { PrivateKey: key, RootCert: '', LeafCertTTL: '72h' } }),
    });
    if (!response.ok) throw new Error(`Consul did not rotate: ${await response.text()}`);
    await until('there is a new root', async () => {
      return (await this.#json<CaRoots>('/v1/agent/connect/ca/roots')).ActiveRootID !== before.ActiveRootID;
    });
  }

  async trustDomain(): Promise<string> {
    return (await this.#json<CaRoots>('/v1/agent/connect/ca/roots')).TrustDomain;
  }

  async #json<T>(path: string): Promise<T> {
    return (await (await fetch(`${this.#http}${path}`)).json()) as T;
  }

  /** Sets a config entry. */
  async configure(entry: { readonly Kind: string; readonly Name: string; readonly [field: string]: unknown }) {
    const response = await fetch(`${this.#http}/v1/config`, { method: 'PUT', body: JSON.stringify(entry) });
    const text = await response.text();
    if (text.trim() !== 'true') throw new Error(`Consul did not take ${entry.Kind} ${entry.Name}: ${text}`);
  }

  /** The bootstrap that Consul writes for the Envoy beside a service. */
  async bootstrapOf(service: string): Promise<string> {
    const { stdout } = await promisify(execFile)(binaryOf('consul'), [
      ...['connect', 'envoy', '-sidecar-for', service, '-bootstrap'],
      ...[`-http-addr=${this.#http}`, `-grpc-addr=${this.#grpc}`],
    ]);
    return stdout;
  }

  onLine(listener: (line: string) => void): () => void {
    return this.#process.onLine(listener);
  }

  async stop(): Promise<void> {
    await this.#process.stop();
    await rm(this.#folder, { recursive: true });
  }
}
