import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { binaryOf } from './peers.ts';
import { freePorts } from './ports.ts';
import { PeerProcess } from './processes.ts';
import { type UntilOptions, until } from './until.ts';

/** What Envoy's access log says of one call. */
export interface AccessLogLine {
  readonly call: string;
  readonly flags: string;
  readonly details: string;
  readonly cluster: string | null;
  readonly host: string | null;
}

export interface EnvoyOptions {
  readonly node: string;
  /** Port of an ADS server in the clear; its listeners and clusters are Envoy's. */
  readonly ads?: number;
  /** Of ADS. Default: state of the world. */
  readonly variant?: 'sotw' | 'delta';
  /** It tells the same server of its load. */
  readonly loadStats?: boolean;
  /** Envoy's `static_resources`, beside those. */
  readonly staticResources?: { readonly listeners?: readonly object[]; readonly clusters?: readonly object[] };
}

/** A real Envoy with one worker, so that what it has taken from the feed is in force for the next request it reads. */
export class Envoy {
  readonly process: PeerProcess;
  readonly #admin: number;
  readonly #folder: string;
  readonly #log = new Map<string, AccessLogLine>();

  private constructor(process: PeerProcess, admin: number, folder: string) {
    this.process = process;
    this.#admin = admin;
    this.#folder = folder;
    process.onLine((line) => {
      if (!line.startsWith('{"')) return;
      const entry = JSON.parse(line) as AccessLogLine;
      if (entry.call) this.#log.set(entry.call, entry);
    });
  }

  static start(options: EnvoyOptions): Promise<Envoy> {
    return Envoy.run(options.node, bootstrap(options));
  }

  /** `given`: a whole bootstrap, but for its admin. */
  static async run(name: string, given: object): Promise<Envoy> {
    const [admin = 0] = await freePorts(1);
    const folder = mkdtempSync(join(tmpdir(), 'inmesh-envoy-'));
    const file = join(folder, 'envoy.json');
    writeFileSync(file, JSON.stringify({ ...given, admin: { address: address(admin) } }));
    const args = ['--config-path', file, '--concurrency', '1', '--log-level', 'warn', '--disable-hot-restart'];
    args.push('--drain-time-s', '1', '--parent-shutdown-time-s', '2', '--file-flush-interval-msec', '20');
    const envoy = new Envoy(new PeerProcess(`envoy ${name}`, binaryOf('envoy'), args), admin, folder);
    try {
      await until(`envoy ${name} is ready`, async () => {
        if (!envoy.process.alive) throw new Error(envoy.process.log);
        return (await fetch(`${envoy.admin}/ready`)).ok;
      });
    } catch (error) {
      await envoy.stop();
      throw new Error(`envoy did not start:\n${envoy.process.log}`, { cause: error });
    }
    return envoy;
  }

  get admin(): string {
    return `http://127.0.0.1:${this.#admin}`;
  }

  /** The log line of a call, which is written a moment after the answer. */
  logOf(call: string, options: UntilOptions = {}): Promise<AccessLogLine> {
    return until(`envoy's access log of call ${call}`, () => this.#log.get(call) ?? null, options);
  }

  async stop(signal?: NodeJS.Signals): Promise<void> {
    await this.process.stop(signal);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function bootstrap({ node, ads, variant = 'sotw', loadStats = false, staticResources = {} }: EnvoyOptions): object {
  const { listeners = [], clusters = [] } = staticResources;
  return {
    node: { id: node, cluster: 'peers' },
    ...(ads === undefined ? {} : { dynamic_resources: dynamic(variant) }),
    ...(loadStats && { cluster_manager: { load_stats_config: dynamic(variant).ads_config } }),
    static_resources: { listeners, clusters: ads === undefined ? clusters : [...clusters, adsCluster(ads)] },
  };
}

function dynamic(variant: 'sotw' | 'delta') {
  return {
    ads_config: {
      api_type: variant === 'sotw' ? 'GRPC' : 'DELTA_GRPC',
      transport_api_version: 'V3',
      grpc_services: [{ envoy_grpc: { cluster_name: 'ads' } }],
    },
    lds_config: { ads: {}, resource_api_version: 'V3' },
    cds_config: { ads: {}, resource_api_version: 'V3' },
  };
}

function adsCluster(port: number): object {
  const options = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
  return {
    name: 'ads',
    type: 'STATIC',
    typed_extension_protocol_options: {
      [options]: {
        '@type': `type.googleapis.com/${options}`,
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
    load_assignment: {
      cluster_name: 'ads',
      endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }],
    },
  };
}

function address(port: number): object {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}
