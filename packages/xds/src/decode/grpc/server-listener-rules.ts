import { toBinary } from '@bufbuild/protobuf';
import { messageType } from '@inmesh/api';
import type { FilterChain, FilterChainMatch } from '@inmesh/api/gen/envoy/config/listener/v3/listener_components_pb';
import type { Listener } from '@inmesh/api/gen/envoy/config/listener/v3/listener_pb';
import type { HttpConnectionManager } from '@inmesh/api/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import type { DownstreamTlsContext } from '@inmesh/api/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb';
import { type Decoding, enumName, holds, Refusal, unpackUnchecked } from '../decoding.ts';
import { MANAGER, requireManager } from './manager-rules.ts';
import { requireTls, TLS_SOCKET } from './tls-rules.ts';

const DOWNSTREAM_TLS = 'envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext';

/** What gRPC refuses of a server's Listener (gRFC A36). */
export function requireServerListener(decoding: Decoding, message: Listener): void {
  if (message.listenerFilters.length > 0) throw new Refusal('listener_filters', 'must be empty');
  if (message.useOriginalDst === true) throw new Refusal('use_original_dst', 'must not be true');
  if (message.address?.address.case !== 'socketAddress') {
    throw new Refusal('address.socket_address', 'value is required');
  }
  const fallback = message.defaultFilterChain;
  if (fallback !== undefined) requireChain(decoding, fallback, 'default_filter_chain');
  const seen = new Set<string>();
  for (const [index, chain] of message.filterChains.entries()) {
    const field = `filter_chains[${index}]`;
    if (!isSupported(chain.filterChainMatch)) continue;
    const key = matchKey(chain.filterChainMatch);
    if (seen.has(key)) {
      throw new Refusal(`${field}.filter_chain_match`, 'multiple filter chains with overlapping matching rules');
    }
    seen.add(key);
    requireChain(decoding, chain, field);
  }
  if (seen.size === 0 && fallback === undefined) {
    throw new Refusal('filter_chains', 'no supported filter chains and no default filter chain');
  }
}

/** Chains that match by what gRPC cannot tell are left out, not refused. */
function isSupported(match: FilterChainMatch | undefined): boolean {
  if (match === undefined) return true;
  const { transportProtocol } = match;
  return (
    (match.destinationPort ?? 0) === 0 &&
    match.serverNames.length === 0 &&
    match.applicationProtocols.length === 0 &&
    (transportProtocol === '' || transportProtocol === 'raw_buffer')
  );
}

function matchKey(match: FilterChainMatch | undefined): string {
  if (match === undefined) return '';
  const schema = messageType<FilterChainMatch>('envoy.config.listener.v3.FilterChainMatch');
  return Buffer.from(toBinary(schema, match)).toString('base64');
}

function requireChain(decoding: Decoding, chain: FilterChain, field: string): void {
  const [filter, ...others] = chain.filters;
  const any = filter?.configType.case === 'typedConfig' ? filter.configType.value : undefined;
  if (others.length > 0 || !holds(any, MANAGER)) {
    throw new Refusal(`${field}.filters`, 'must be exactly one HttpConnectionManager');
  }
  const place = `${field}.filters[0].typed_config`;
  requireManager(decoding, unpackUnchecked<HttpConnectionManager>(any, MANAGER, place), place, 'server');
  if (chain.transportSocket !== undefined) requireSocket(decoding, chain, `${field}.transport_socket`);
}

function requireSocket(decoding: Decoding, { transportSocket }: FilterChain, field: string): void {
  const any = transportSocket?.configType.value;
  if (transportSocket?.name !== TLS_SOCKET) throw new Refusal(`${field}.name`, `must be ${TLS_SOCKET}`);
  if (!holds(any, DOWNSTREAM_TLS)) throw new Refusal(`${field}.typed_config`, 'must be a DownstreamTlsContext');
  const place = `${field}.typed_config`;
  const context = unpackUnchecked<DownstreamTlsContext>(any, DOWNSTREAM_TLS, place);
  if (context.requireSni === true) throw new Refusal(`${place}.require_sni`, 'must not be true');
  const stapling = enumName(`${DOWNSTREAM_TLS}.OcspStaplePolicy`, context.ocspStaplePolicy);
  if (stapling !== 'LENIENT_STAPLING') {
    throw new Refusal(`${place}.ocsp_staple_policy`, `${stapling} is not supported: LENIENT_STAPLING only`);
  }
  const hasRoots = requireTls(decoding, context.commonTlsContext, `${place}.common_tls_context`, 'server');
  if (context.requireClientCertificate === true && !hasRoots) {
    throw new Refusal(`${place}.require_client_certificate`, 'needs a ca_certificate_provider_instance');
  }
}
