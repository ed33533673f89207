import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { access, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { binaryOf } from '../support/peers.ts';
import { PeerProcess } from '../support/processes.ts';
import { until } from '../support/until.ts';
import type { PodFiles } from './kube-istio.ts';
import { relayTo } from './relay.ts';

/** A user namespace lets anybody make a network namespace; where the kernel forbids that, root needs none. */
const WAYS = [['--map-root-user', '--net'], ['--net']] as const;

/** How `unshare` is told to make a network namespace here; null where none can be made. */
function namespaceWay(): readonly string[] | null {
  const works = (way: readonly string[]) =>
    spawnSync('unshare', [...way, '--fork', '--pid', '--kill-child', 'ip', 'link', 'set', 'lo', 'up']).status === 0;
  return WAYS.find(works) ?? null;
}

/** Why there can be no network namespace; null where there can. */
export function whyNoNamespace(): string | null {
  if (namespaceWay() !== null) return null;
  return 'no network namespace can be made: allow `unshare --map-root-user --net` (util-linux, iproute2), or run as root';
}

/** `proxyless`: for an application that speaks xDS itself. `sidecar`: beside an Envoy, which here is a program that does nothing; only then are secrets served. */
type AgentMode = 'proxyless' | 'sidecar';

/** istiod's usual port; free in a namespace of its own. */
const DISCOVERY_PORT = 15012;

/**
 * An istio-agent as in a pod without a sidecar. It is in a network namespace, because its status port is open on every
 * interface and has no setting for that; its sockets are files, which the host sees too.
 */
export class PilotAgent {
  /** Where it writes gRPC's bootstrap. */
  readonly bootstrap: string;
  /** Streams that it closed because a newer one came. */
  overlaps = 0;
  /** Streams that it forwarded to istiod. */
  streams = 0;
  readonly #folder: string;
  readonly #mode: AgentMode;
  readonly #relay: Server;
  #process: PeerProcess;

  private constructor(folder: string, relay: Server, mode: AgentMode) {
    this.#folder = folder;
    this.#mode = mode;
    this.bootstrap = join(folder, 'etc/istio/proxy/grpc-bootstrap.json');
    this.#relay = relay;
    this.#process = this.#spawn();
  }

  /** `istiod`: its port for TLS on this host's loopback. */
  static async start(istiod: number, files: PodFiles, mode: AgentMode = 'proxyless'): Promise<PilotAgent> {
    const folder = await mkdtemp(join(tmpdir(), 'inmesh-agent-'));
    // Its paths are relative to its working directory, which in a pod is the root.
    const secrets = join(folder, 'var/run/secrets');
    await mkdir(join(secrets, 'istio'), { recursive: true });
    await mkdir(join(secrets, 'tokens'));
    await mkdir(join(folder, 'certs'));
    await copyFile(files.rootCertFile, join(secrets, 'istio/root-cert.pem'));
    await copyFile(files.tokenFile, join(secrets, 'tokens/istio-token'));
    const relay = relayTo({ port: istiod, host: '127.0.0.1' });
    await once(relay.listen(join(folder, 'istiod')), 'listening');
    await writeFile(join(folder, 'bootstrap.json'), '{}');
    await writeFile(join(folder, 'no-envoy'), '#!/bin/sh\nexec sleep 86400\n', { mode: 0o755 });
    const agent = new PilotAgent(folder, relay, mode);
    await agent.#ready().catch(async (error) => {
      const { log } = agent.#process;
      await agent.stop();
      throw new Error(log, { cause: error });
    });
    return agent;
  }

  get rootCertFile(): string {
    return join(this.#folder, 'var/run/secrets/istio/root-cert.pem');
  }

  /** Where it hands on istiod's feed. */
  get xds(): string {
    return `unix:${join(this.#folder, 'etc/istio/proxy/XDS')}`;
  }

  /** Where it serves secrets. */
  get secrets(): string {
    return `unix:${join(this.#folder, 'var/run/secrets/workload-spiffe-uds/socket')}`;
  }

  /** Ends it, and starts it anew. */
  async restart(): Promise<void> {
    await this.#process.stop('SIGKILL');
    await rm(this.bootstrap);
    this.#process = this.#spawn();
    await this.#ready();
  }

  async stop(): Promise<void> {
    await this.#process.stop('SIGKILL');
    this.#relay.close();
    await rm(this.#folder, { recursive: true });
  }

  #spawn(): PeerProcess {
    const at = (path: string) => join(this.#folder, path);
    const program = new URL('./in-namespace.ts', import.meta.url).pathname;
    const agent = new PeerProcess(
      'pilot-agent',
      'unshare',
      [
        ...[...(namespaceWay() ?? []), '--fork', '--pid', '--kill-child'],
        ...[process.execPath, program, this.#folder, `${DISCOVERY_PORT}`, at('istiod')],
        ...[binaryOf('pilot-agent'), 'proxy', 'sidecar', `--templateFile=${at('bootstrap.json')}`],
      ],
      {
        // To the agent, istiod at localhost is one that a port is forwarded to: it expects the name in the certificate.
        PROXY_CONFIG: JSON.stringify({
          discoveryAddress: `localhost:${DISCOVERY_PORT}`,
          configPath: at('etc/istio/proxy'),
          binaryPath: at('no-envoy'),
        }),
        DISABLE_ENVOY: `${this.#mode === 'proxyless'}`,
        GRPC_XDS_BOOTSTRAP: this.bootstrap,
        OUTPUT_CERTS: at('certs'),
        INSTANCE_IP: '10.244.0.9',
        POD_NAME: 'web-1',
        POD_NAMESPACE: 'default',
        SERVICE_ACCOUNT: 'web',
        ISTIO_META_CLUSTER_ID: 'Kubernetes',
      },
    );
    agent.onLine((line) => {
      if (/registered overlapping stream/.test(line)) this.overlaps++;
      if (/connected to upstream XDS server/.test(line)) this.streams++;
    });
    return agent;
  }

  async #ready(): Promise<void> {
    for (const file of [
      this.bootstrap,
      join(this.#folder, 'etc/istio/proxy/XDS'),
      join(this.#folder, 'certs/key.pem'),
    ]) {
      await until(`the agent has made ${file}`, () => access(file).then(() => true));
    }
  }
}
