import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';

/** An Envoy that takes its listeners and clusters from a control plane. */
export class FedEnvoy {
  readonly #child: ReturnType<typeof spawn>;

  constructor(binary: string, controlPlane: string) {
    const [address, port] = controlPlane.split(':');
    const bootstrap = {
      node: { id: 'bench', cluster: 'bench' },
      dynamic_resources: {
        ads_config: {
          api_type: 'GRPC',
          transport_api_version: 'V3',
          grpc_services: [{ envoy_grpc: { cluster_name: 'ads' } }],
        },
        lds_config: { ads: {}, resource_api_version: 'V3' },
        cds_config: { ads: {}, resource_api_version: 'V3' },
      },
      static_resources: {
        clusters: [
          {
            name: 'ads',
            type: 'STATIC',
            typed_extension_protocol_options: {
              'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
                '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
                explicit_http_config: { http2_protocol_options: {} },
              },
            },
            load_assignment: {
              cluster_name: 'ads',
              endpoints: [
                {
                  lb_endpoints: [{ endpoint: { address: { socket_address: { address, port_value: Number(port) } } } }],
                },
              ],
            },
          },
        ],
      },
    };
    const base = `${(process.pid % 1_000_000) + 1_000}`;
    const args = ['--config-yaml', JSON.stringify(bootstrap), '--base-id', base, '--concurrency', '1', '-l', 'error'];
    this.#child = spawn(binary, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    process.on('exit', this.#kill);
  }

  readonly #kill = (): void => {
    this.#child.kill('SIGKILL');
  };

  figures(): { readonly rssMb: number; readonly cpuMs: number } {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    const stat = readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8');
    // After the name in parentheses: utime and stime, in hundredths of a second (proc(5), fields 14 and 15).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return {
      rssMb: Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024,
      cpuMs: (Number(fields[11]) + Number(fields[12])) * 10,
    };
  }

  async stop(): Promise<void> {
    process.off('exit', this.#kill);
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}
