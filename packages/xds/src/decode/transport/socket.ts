import type { TransportSocket } from '@inmesh/api/gen/envoy/config/core/v3/base_pb';
import type { ProxyProtocolConfig, TlvEntry } from '@inmesh/api/gen/envoy/config/core/v3/proxy_protocol_pb';
import type { Http11ProxyUpstreamTransport } from '@inmesh/api/gen/envoy/extensions/transport_sockets/http_11_proxy/v3/upstream_http_11_connect_pb';
import type { ProxyProtocolUpstreamTransport } from '@inmesh/api/gen/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb';
import type { TransportSocketConfig, UpstreamProxyProtocol } from '@inmesh/core';
import { decodeAddress } from '../address.ts';
import { type Decoding, enumName, otherFields, unpack } from '../decoding.ts';
import { readTypedConfig, type TypedConfig } from '../typed-config.ts';
import { decodeUpstreamTls, UPSTREAM_TLS } from './tls-context.ts';

const RAW_BUFFER = 'envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer';
const PROXY_PROTOCOL = 'envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport';
const HTTP_11_PROXY = 'envoy.extensions.transport_sockets.http_11_proxy.v3.Http11ProxyUpstreamTransport';

const KNOWN_PROXY_PROTOCOL: ReadonlySet<string> = new Set([
  'config',
  'transport_socket',
  'tlv_as_pool_key', // of values that come with a downstream connection, and there is none
]);

/**
 * A socket of the types that this version knows. Any other, and one with settings that it cannot honour, refuses the connections that
 * need it: they must not go out otherwise than the feed says.
 */
export function decodeSocket(decoding: Decoding, socket: TransportSocket, field: string): TransportSocketConfig {
  const any = socket.configType.case === 'typedConfig' ? socket.configType.value : undefined;
  const place = `${field}.typed_config`;
  const unsupported: string[] = [];
  const config = decodeTyped(decoding, readTypedConfig(any, place), place, unsupported);
  if (config === null) return { kind: 'unsupported', fields: [`${field}: ${socket.name}`] };
  return unsupported.length === 0 ? config : { kind: 'unsupported', fields: unsupported };
}

function decodeTyped(
  decoding: Decoding,
  { typeName, any }: TypedConfig,
  field: string,
  unsupported: string[],
): TransportSocketConfig | null {
  if (typeName === RAW_BUFFER) return { kind: 'raw_buffer' };
  if (any === null) return null;
  if (typeName === UPSTREAM_TLS) {
    return { kind: 'tls', context: decodeUpstreamTls(decoding, any, field, unsupported) };
  }
  if (typeName === PROXY_PROTOCOL) {
    const message = unpack<ProxyProtocolUpstreamTransport>(decoding, any, PROXY_PROTOCOL, field);
    return decodeProxyProtocol(decoding, message, field, unsupported);
  }
  if (typeName === HTTP_11_PROXY) {
    const message = unpack<Http11ProxyUpstreamTransport>(decoding, any, HTTP_11_PROXY, field);
    const { defaultProxyAddress: address } = message;
    return {
      kind: 'http_11_proxy',
      inner: decodeInner(decoding, message.transportSocket, field, unsupported),
      defaultProxy: address === undefined ? null : decodeAddress(address, `${field}.default_proxy_address`, 'ip'),
    };
  }
  return null;
}

function decodeProxyProtocol(
  decoding: Decoding,
  message: ProxyProtocolUpstreamTransport,
  field: string,
  unsupported: string[],
): UpstreamProxyProtocol {
  unsupported.push(...otherFields(message, KNOWN_PROXY_PROTOCOL).map((name) => `${field}.${name}`));
  const { config } = message;
  return {
    kind: 'upstream_proxy_protocol',
    version: versionOf(config),
    tlvs: (config?.addedTlvs ?? []).flatMap((each, index) =>
      decodeTlv(each, `${field}.config.added_tlvs[${index}]`, unsupported),
    ),
    inner: decodeInner(decoding, message.transportSocket, field, unsupported),
  };
}

function versionOf(config: ProxyProtocolConfig | undefined): 'v1' | 'v2' {
  return enumName('envoy.config.core.v3.ProxyProtocolConfig.Version', config?.version ?? 0) === 'V2' ? 'v2' : 'v1';
}

function decodeTlv({ type, value, formatString }: TlvEntry, field: string, unsupported: string[]) {
  if (formatString !== undefined) {
    unsupported.push(`${field}.format_string`);
    return [];
  }
  // A copy: the value must not keep the whole response alive.
  return [{ type, value: new Uint8Array(value) }];
}

/** The socket inside another, plain where there is none; what it cannot do, the outer one cannot either. */
function decodeInner(
  decoding: Decoding,
  socket: TransportSocket | undefined,
  field: string,
  unsupported: string[],
): TransportSocketConfig {
  if (socket === undefined) return { kind: 'raw_buffer' };
  const inner = decodeSocket(decoding, socket, `${field}.transport_socket`);
  if (inner.kind === 'unsupported') unsupported.push(...inner.fields);
  return inner;
}
