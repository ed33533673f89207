import { execFile } from 'node:child_process';
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { binaryOf } from '../support/peers.ts';
import { freePorts } from '../support/ports.ts';
import { PeerProcess } from '../support/processes.ts';
import { until } from '../support/until.ts';

/** What a pod finds in its volumes. */
export interface PodFiles {
  /** The mesh's root. */
  readonly rootCertFile: string;
  /** A token of its service account for istiod. */
  readonly tokenFile: string;
}

/** istiod with its CA on a real Kubernetes API, both on the loopback. */
export class KubeIstio {
  /** istiod's xDS over TLS, on the loopback. */
  readonly port: number;
  readonly istiod: PeerProcess;
  readonly #kube: PeerProcess;
  readonly #folder: string;

  private constructor(kube: PeerProcess, istiod: PeerProcess, folder: string, port: number) {
    this.#kube = kube;
    this.istiod = istiod;
    this.#folder = folder;
    this.port = port;
  }

  get address(): string {
    return `localhost:${this.port}`;
  }

  /** `env`: of istiod. */
  static async start(env: Readonly<Record<string, string>> = {}): Promise<KubeIstio> {
    const folder = await mkdtemp(join(tmpdir(), 'inmesh-kube-'));
    const script = (name: string) => new URL(`../${name}/run.sh`, import.meta.url).pathname;
    const [api, etcd, peers, xds, secure, http, webhook, monitoring] = (await freePorts(8)).map(String);
    const kube = new PeerProcess('kube', 'bash', [
      script('kube'),
      join(folder, 'kube'),
      `${api}`,
      `${etcd}`,
      `${peers}`,
    ]);
    const kubeconfig = join(folder, 'kube/kubeconfig');
    await until('the Kubernetes API is ready', () => access(kubeconfig).then(() => true), { within: 60_000 });
    const ports = [xds, secure, http, webhook, monitoring].map((port) => `${port}`);
    const istiod = new PeerProcess(
      'istiod',
      'bash',
      [script('istiod'), kubeconfig, join(folder, 'istiod'), ...ports],
      env,
    );
    await until('istiod is ready', async () => (await fetch(`http://127.0.0.1:${http}/ready`)).ok, { within: 60_000 });
    return new KubeIstio(kube, istiod, folder, Number(secure));
  }

  /** Runs kubectl; answers with what it prints. */
  async kubectl(...args: readonly string[]): Promise<string> {
    const kubeconfig = `--kubeconfig=${join(this.#folder, 'kube/kubeconfig')}`;
    return (await promisify(execFile)(binaryOf('kubectl'), [kubeconfig, ...args])).stdout;
  }

  async apply(yaml: string): Promise<void> {
    const file = join(this.#folder, 'apply.yaml');
    await writeFile(file, yaml);
    await this.kubectl('apply', '-f', file);
  }

  /** The files of a pod of a service account. */
  async podFiles(serviceAccount: string): Promise<PodFiles> {
    const root = await until('the root is in the namespace', async () => {
      const text = await this.kubectl(
        'get',
        'configmap',
        'istio-ca-root-cert',
        '-o',
        'jsonpath={.data.root-cert\\.pem}',
      );
      return text.includes('BEGIN CERTIFICATE') ? text : null;
    });
    const at = (name: string) => join(this.#folder, name);
    const files = { rootCertFile: at('root-cert.pem'), tokenFile: at(`istio-token-${serviceAccount}`) };
    await writeFile(files.rootCertFile, root);
    await writeFile(files.tokenFile, await this.kubectl('create', 'token', serviceAccount, '--audience', 'istio-ca'));
    return files;
  }

  async stop(): Promise<void> {
    await this.istiod.stop();
    await this.#kube.stop();
    await rm(this.#folder, { recursive: true });
  }
}
