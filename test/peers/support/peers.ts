import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { runningLogs, stopAll } from './processes.ts';

/** The binaries that suites need, by the install script that brings them. */
const BINARIES = {
  envoy: 'envoy',
  gcp: 'go-control-plane',
  'grpc-go-watcher': 'grpc-go',
  'spiffe-agent': 'spiffe',
  'go-http-server': 'go-http',
  nginx: 'nginx',
  consul: 'consul',
  'istio-xds': 'istiod',
  'pilot-discovery': 'istiod',
  'pilot-agent': 'istiod',
  'kube-apiserver': 'kube',
  etcd: 'kube',
  kubectl: 'kube',
} as const;

export type PeerName = keyof typeof BINARIES;

const home = process.env.PEERS_HOME ?? join(homedir(), '.cache', 'mesh-peers');

/** Where the binary of a peer is. */
export function binaryOf(peer: PeerName): string {
  return join(home, 'bin', peer);
}

/** Which of the peers is missing, and how it is installed; null where all are there. */
export function whyNot(needs: readonly PeerName[]): string | null {
  const missing = needs.filter((peer) => !installed(peer));
  if (missing.length === 0) return null;
  const scripts = missing.map((peer) => BINARIES[peer]).join(' ');
  return `${missing.join(', ')} not installed: npm run peers:install -- ${scripts}`;
}

/**
 * A suite that needs real peers. Without one of them its tests are reported as skipped, under their names and never as
 * passed; with `PEERS=required` that is a failure. `hindrance`: what else the machine may lack; null for nothing.
 */
export function describeWithPeers(
  needs: readonly PeerName[],
  title: string,
  suite: () => void,
  hindrance: () => string | null = () => null,
): void {
  const reason = whyNot(needs) ?? hindrance();
  if (reason === null) {
    describe(title, () => {
      afterEach(function () {
        if (this.currentTest?.state === 'failed') process.stderr.write(`${runningLogs()}\n`);
      });
      suite();
      after(stopAll);
    });
    return;
  }
  if (process.env.PEERS === 'required') {
    it(title, () => {
      throw new Error(reason);
    });
  } else {
    describe.skip(`${title} (${reason})`, suite);
  }
}

function installed(peer: PeerName): boolean {
  try {
    accessSync(binaryOf(peer), constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
