import {
  type Call,
  type Cluster,
  type ConnectionKey,
  type Endpoint,
  offeredAlpn,
  type SubjectAltNameMatcher,
  type TransportSocketConfig,
  tlsOf,
  type UpstreamTlsContext,
} from '@inmesh/core';
import type { TlsState } from '@inmesh/mtls';
import type { ExplainedTls, ExplainedTransport } from './explanation.ts';

/** What of a TLS context is in force; null for one that nobody follows. */
export type TlsStateOf = (context: UpstreamTlsContext) => TlsState | null;

/** How the endpoints of a cluster are connected to for a call: one entry for each way that any of them needs. */
export function explainTransports(cluster: Cluster, call: Call, stateOf: TlsStateOf): readonly ExplainedTransport[] {
  const ways = new Map<string, { readonly key: ConnectionKey; readonly endpoints: string[] }>();
  for (const endpoint of cluster.endpoints.values()) {
    const key = cluster.keyOf(endpoint, call);
    const way = ways.get(key.id) ?? { key, endpoints: [] };
    ways.set(key.id, way);
    way.endpoints.push(endpoint.key);
  }
  return [...ways.values()].map(({ key, endpoints }) => explainWay(key, endpoints, stateOf));
}

/** Why none of the endpoints can be connected to; null where one can. */
export function transportError(transports: readonly ExplainedTransport[]): string | null {
  if (transports.length === 0 || transports.some(({ error }) => error === null)) return null;
  return [...new Set(transports.map(({ error }) => error))].join('; ');
}

function explainWay(
  key: ConnectionKey,
  endpoints: readonly Endpoint['key'][],
  stateOf: TlsStateOf,
): ExplainedTransport {
  const { socket, socketName, protocol } = key;
  const layers = layersOf(socket);
  const common = { socket: socketName, layers, protocol, endpoints };
  if (socket.kind === 'unsupported') {
    return { ...common, tls: null, error: `needs what this version lacks: ${socket.fields.join(', ')}` };
  }
  const context = tlsOf(socket);
  if (context === null) return { ...common, tls: null, error: null };
  const state = stateOf(context);
  return { ...common, tls: explainTls(key, context, state), error: state?.error ?? null };
}

function layersOf(socket: TransportSocketConfig): string[] {
  return 'inner' in socket ? [socket.kind, ...layersOf(socket.inner)] : [socket.kind];
}

function explainTls(key: ConnectionKey, context: UpstreamTlsContext, state: TlsState | null): ExplainedTls {
  return {
    alpn: offeredAlpn(key, context),
    serverName: key.sni ?? context.sni,
    expects: expectationsOf(key, context),
    certificates: (state?.own ?? []).map(({ source, uris, notAfter }) => ({
      source,
      names: uris,
      expires: new Date(notAfter).toISOString(),
    })),
  };
}

/** What the feed itself asks of the certificate; a secret may add to it. */
function expectationsOf({ expected }: ConnectionKey, { common: { validation } }: UpstreamTlsContext): string[] {
  if (validation === null && expected === null) return ['nothing: any server is taken'];
  const matchers = expected?.rule === 'instead' ? [] : (validation?.context?.subjectAltNames ?? []);
  const source = validation?.secret ?? null;
  const provider = validation?.provider ?? null;
  return [
    ...(expected === null ? [] : [`a name of ${expected.names.join(', ')}`]),
    ...(matchers.length === 0 ? [] : [`one of: ${matchers.map(matcherText).join(', ')}`]),
    ...(source === null ? [] : [`what secret ${source.name} says`]),
    ...(provider === null ? [] : [`roots of certificate provider ${provider.instanceName}`]),
  ];
}

function matcherText({ sanType, match, value }: SubjectAltNameMatcher): string {
  return [...(sanType === null ? [] : [sanType]), ...(match === 'exact' ? [] : [match]), value].join(' ');
}
