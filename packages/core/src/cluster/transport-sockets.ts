import type { Metadata } from '../model/endpoint.ts';
import type {
  SdsSecretRef,
  TransportConfig,
  TransportSocketConfig,
  TransportSocketMatch,
  UpstreamTlsContext,
} from '../model/transport-socket.ts';
import type { Endpoint } from './endpoint.ts';

/** Where hosts say which socket is theirs. */
const NAMESPACE = 'envoy.transport_socket_match';

/** The index among the sockets of a cluster for a host: 0 for the one that is nobody's in particular. */
export function compileSocketChoice({ matches }: TransportConfig): (endpoint: Endpoint) => number {
  if (matches.length === 0) return () => 0;
  // The metadata of a host is one object for as long as it says the same.
  const known = new WeakMap<Metadata, number>();
  return ({ config, localityMetadata }) => {
    let own = known.get(config.metadata);
    if (own === undefined) {
      own = indexOf(matches, config.metadata);
      known.set(config.metadata, own);
    }
    return own > 0 || localityMetadata === null ? own : indexOf(matches, localityMetadata);
  };
}

/** Its sockets, in that order. */
export function socketsOf({ socket, matches }: TransportConfig): TransportSocketConfig[] {
  return [socket, ...matches.map((match) => match.socket)];
}

/** Nothing stands between TCP and HTTP, whichever the host. */
export function isPlain({ socket, matches }: TransportConfig): boolean {
  return socket.kind === 'raw_buffer' && matches.every((match) => match.socket.kind === 'raw_buffer');
}

/** The TLS of a socket, be it inside of others; null where there is none. */
export function tlsOf(socket: TransportSocketConfig): UpstreamTlsContext | null {
  switch (socket.kind) {
    case 'tls':
      return socket.context;
    case 'upstream_proxy_protocol':
    case 'http_11_proxy':
      return tlsOf(socket.inner);
    case 'raw_buffer':
    case 'unsupported':
      return null;
  }
}

/** The secrets that the sockets of a cluster ask for, each once. */
export function secretsOf(transport: TransportConfig): SdsSecretRef[] {
  const contexts = socketsOf(transport).flatMap((socket) => tlsOf(socket) ?? []);
  const all = contexts.flatMap(({ common: { certificates, validation } }) => [
    ...certificates.flatMap((each) => (each.kind === 'sds' ? [each.secret] : [])),
    ...(validation?.secret == null ? [] : [validation.secret]),
  ]);
  return [...new Map(all.map((each) => [JSON.stringify([each.name, each.source]), each])).values()];
}

function indexOf(matches: readonly TransportSocketMatch[], metadata: Metadata): number {
  return matches.findIndex(({ criteria }) => fits(criteria, metadata[NAMESPACE])) + 1;
}

function fits(criteria: Metadata[string], said: Metadata[string] | undefined): boolean {
  return Object.keys(criteria).every(
    (key) => said !== undefined && Object.hasOwn(said, key) && equal(criteria[key], said[key]),
  );
}

/** Of plain JSON values. */
function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  const [left, right] = [a as Metadata[string], b as Metadata[string]];
  return keys.every((key) => Object.hasOwn(right, key) && equal(left[key], right[key]));
}
