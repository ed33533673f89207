import { Call } from '../call.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { isPlain } from '../cluster/transport-sockets.ts';
import { MeshError } from '../errors.ts';
import { Headers } from '../headers.ts';
import type { TcpDestination } from './chain-match.ts';

/** A cluster as a stream of bytes sees it. */
export interface TcpTarget {
  readonly cluster: Cluster;
  /** What balancers and limits look at. */
  readonly call: Call;
}

/** Null where the stream goes to its original destination in the clear: whoever asks can do that by himself. */
export function targetOf(cluster: Cluster, destination: TcpDestination): TcpTarget | MeshError | null {
  const { config } = cluster;
  if (config.unsupported.length > 0) {
    const lacks = config.unsupported.join(', ');
    return new MeshError('unsupported', `the cluster needs what this version lacks: ${lacks}`, {
      cluster: cluster.name,
    });
  }
  const call = callFor(destination);
  if (config.discovery.kind === 'original_dst' && isPlain(config.transport)) return null;
  return { cluster, call };
}

/** A stream has no head; its authority is empty, as that of a connection which no request has named yet. */
function callFor({ host, port }: TcpDestination): Call {
  const target = `${host}:${port}`;
  const head = { method: 'CONNECT', scheme: 'tcp', authority: '', path: '', headers: Headers.empty(), upgrade: null };
  return new Call(head, null, {
    failAs: 'error',
    target,
    protocol: 'http1',
    headersTimeoutMs: null,
    bodyTimeoutMs: null,
    overrides: null,
    passThrough: null,
  });
}
