import { isIP } from 'node:net';
import type { SdsSource } from '@inmesh/core';
import { parseTarget } from '@inmesh/transports/rpc';
import type { Bootstrap, NodeIdentity, XdsServer } from '@inmesh/xds';

/** gRPC targets by the names of clusters. */
export type SdsTargets = { readonly [cluster: string]: string };

/** The cluster that istiod has sidecars ask for their secrets. */
const ISTIO_CLUSTER = 'sds-grpc';
/** Where an istio-agent listens, from the root of its pod. */
const ISTIO_FOLDER = '/var/run/secrets/workload-spiffe-uds';

/**
 * What an istio-agent's bootstrap for gRPC leaves out, because gRPC knows no SDS: where the agent serves the secrets that the feed names.
 * `given` comes first.
 */
export function sdsTargets(node: Pick<NodeIdentity, 'metadata'>, given: SdsTargets = {}): SdsTargets {
  const { WORKLOAD_IDENTITY_SOCKET_FILE: file } = node.metadata;
  const socket = typeof file === 'string' && file !== '' ? file : 'socket';
  return { [ISTIO_CLUSTER]: `unix:${ISTIO_FOLDER}/${socket}`, ...given };
}

/** The servers that have a secret, the best first; or why there are none. */
export function sdsServers(
  source: SdsSource,
  { origin, grpcClusters }: Pick<Bootstrap, 'origin' | 'grpcClusters'>,
  targets: SdsTargets,
): readonly XdsServer[] | string {
  switch (source.kind) {
    case 'grpc': {
      const { clusterName: name } = source;
      const cluster = Object.hasOwn(grpcClusters, name) ? grpcClusters[name] : undefined;
      if (cluster !== undefined && 'problem' in cluster) return `cluster "${name}" of ${origin}: ${cluster.problem}`;
      if (cluster !== undefined) return cluster.servers.map((server) => ({ ...server, delta: source.delta }));
      const target = Object.hasOwn(targets, name) ? targets[name] : undefined;
      if (target !== undefined) return [plain(target, source.delta)];
      return `cluster "${name}", whose server has it, is not defined: add it to static_resources.clusters of the bootstrap`;
    }
    case 'google_grpc': {
      const { targetUri } = source;
      // What the feed says of credentials is not kept, and a key must not go over a network in the clear.
      if (staysHere(targetUri)) return [plain(targetUri, source.delta)];
      return `google_grpc.target_uri: ${targetUri} is not on this host: define a cluster with TLS in the bootstrap and name it in envoy_grpc`;
    }
    default:
      return `a secret from ${source.kind} is not asked of a server`;
  }
}

function staysHere(target: string): boolean {
  try {
    const { connect } = parseTarget(target);
    if ('path' in connect) return true;
    const { host } = connect;
    return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
  } catch {
    return false;
  }
}

function plain(uri: string, delta: boolean): XdsServer {
  return {
    uri,
    credentials: { kind: 'insecure' },
    features: [],
    initialMetadata: [],
    keepalive: { intervalMs: 0, timeoutMs: 0 },
    delta,
    callCredentials: [],
  };
}
