import type { Call } from '../call.ts';
import type { ClusterConfig } from '../model/cluster.ts';
import type { TransportSocketConfig } from '../model/transport-socket.ts';
import type { HttpProtocol, UpstreamProtocol } from '../model/upstream-protocol.ts';
import { type ConnectionKey, PLAIN_KEY } from './connection-key.ts';
import type { Endpoint } from './endpoint.ts';
import { compileSaid, serverNames } from './server-name.ts';
import { compileSocketChoice, socketsOf, tlsOf } from './transport-sockets.ts';

/** Which connection to a host a call needs. */
export type KeyOf = (endpoint: Endpoint, call: Call) => ConnectionKey;

/** Keys kept for each socket, protocol and ALPN list: callers choose authorities, and must not make memory grow without end. */
const MAX_NAMES = 1000;
/** ALPN lists kept for each socket and protocol: each listener that the feed changes brings its own. */
const MAX_LISTS = 16;

/** Made once for each configuration; a key that was made is given again, so that calls allocate nothing. */
export function compileKeys({ transport, protocol }: ClusterConfig): KeyOf {
  const keysOf = socketsOf(transport).map((socket, index) => {
    return compileSocket(socket, index, transport.matches[index - 1]?.name ?? 'default', protocol);
  });
  const [only] = keysOf;
  if (keysOf.length === 1 && only !== undefined) return only;
  const indexOf = compileSocketChoice(transport);
  return (endpoint, call) => (keysOf[indexOf(endpoint)] as KeyOf)(endpoint, call);
}

/** The protocol that a call to a cluster goes by, as far as it is known before there is a connection. */
export function protocolOf({ choice }: UpstreamProtocol, call: Call): HttpProtocol | 'auto' {
  return choice === 'downstream' ? call.context.protocol : choice;
}

function compileSocket(socket: TransportSocketConfig, index: number, name: string, protocol: UpstreamProtocol): KeyOf {
  const tls = tlsOf(socket);
  const said = tls === null ? null : compileSaid(protocol, tls);
  const known = new Map<HttpProtocol | 'auto', Map<readonly string[] | null, Map<string, ConnectionKey>>>();
  const make = (chosen: HttpProtocol | 'auto', alpn: readonly string[] | null, names: string): ConnectionKey => {
    if (socket.kind === 'raw_buffer' && index === 0 && chosen === 'http1') return PLAIN_KEY;
    const { sni, expected, tooLong } = tls === null ? NO_NAMES : serverNames(protocol, tls, names);
    return {
      // Names are equal in any case, also to Envoy's pools.
      id: JSON.stringify([index, chosen, alpn, lower(sni), expected?.names.map(lower) ?? null]),
      socket: tooLong ? TOO_LONG : socket,
      socketName: name,
      protocol: chosen,
      alpn,
      sni,
      expected,
    };
  };
  const keyOf = (chosen: HttpProtocol | 'auto', alpn: readonly string[] | null, names: string): ConnectionKey => {
    const byList = entryOf(known, chosen);
    if (byList.size >= MAX_LISTS && !byList.has(alpn)) byList.clear();
    const byName = entryOf(byList, alpn);
    let key = byName.get(names);
    if (key === undefined) {
      if (byName.size >= MAX_NAMES) byName.clear();
      key = make(chosen, alpn, names);
      byName.set(names, key);
    }
    return key;
  };
  if (tls !== null) {
    return (endpoint, call) => keyOf(protocolOf(protocol, call), call.alpn, said === null ? '' : said(endpoint, call));
  }
  if (protocol.choice === 'downstream') return (_, call) => keyOf(call.context.protocol, null, '');
  const constant = make(protocol.choice, null, '');
  return () => constant;
}

function lower(name: string | null): string | null {
  return name?.toLowerCase() ?? null;
}

const NO_NAMES = { sni: null, expected: null, tooLong: false };

/** Envoy cannot connect then, either. */
const TOO_LONG: TransportSocketConfig = {
  kind: 'unsupported',
  fields: ['auto_sni, with a name of more than 255 bytes'],
};

function entryOf<K, L, V>(map: Map<K, Map<L, V>>, key: K): Map<L, V> {
  let entry = map.get(key);
  if (entry === undefined) {
    entry = new Map();
    map.set(key, entry);
  }
  return entry;
}
