import type { FilterChainMatch as ProtoMatch } from '@inmesh/api/gen/envoy/config/listener/v3/listener_components_pb';
import type { TcpProxy as ProtoTcpProxy } from '@inmesh/api/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb';
import { ANY_CONNECTION, type FilterChainMatch, TCP_PROXY_DEFAULTS, type TcpProxy } from '@inmesh/core';
import { milliseconds, otherFields } from './decoding.ts';

const KNOWN: ReadonlySet<string> = new Set([
  'stat_prefix',
  'cluster',
  'weighted_clusters',
  'idle_timeout',
  'max_connect_attempts',
  'backoff_options',
  'max_downstream_connection_duration',
  'max_downstream_connection_duration_jitter_percentage',
  // For balancers that choose by hash, and for subsets: a cluster that has them is refused itself.
  'hash_policy',
  'metadata_match',
  // What a listener does about its client: there is none in process.
  'upstream_connect_mode',
  'max_early_data_bytes',
  'check_drain_close',
  'access_log',
  'access_log_flush_interval',
  'flush_access_log_on_connected',
  'access_log_options',
]);
const BY_DESTINATION: ReadonlySet<string> = new Set([
  'destination_port',
  'prefix_ranges',
  'server_names',
  'transport_protocol',
  'application_protocols',
]);

/** `others`: what else the chain has, which must not be left out. */
export function decodeTcpProxy(message: ProtoTcpProxy, others: readonly string[]): TcpProxy {
  const { clusterSpecifier: specifier, backoffOptions: backoff } = message;
  const base = backoff?.baseInterval === undefined ? 0 : milliseconds(backoff.baseInterval);
  return {
    statPrefix: message.statPrefix,
    clusters: clustersOf(specifier),
    idleTimeoutMs:
      message.idleTimeout === undefined ? TCP_PROXY_DEFAULTS.idleTimeoutMs : milliseconds(message.idleTimeout),
    maxDurationMs:
      message.maxDownstreamConnectionDuration === undefined ? 0 : milliseconds(message.maxDownstreamConnectionDuration),
    maxDurationJitterPercent: message.maxDownstreamConnectionDurationJitterPercentage?.value ?? 0,
    maxConnectAttempts: message.maxConnectAttempts ?? TCP_PROXY_DEFAULTS.maxConnectAttempts,
    backoff:
      base === 0
        ? null
        : { baseMs: base, maxMs: backoff?.maxInterval === undefined ? 10 * base : milliseconds(backoff.maxInterval) },
    unsupported: [...others, ...otherFields(message, KNOWN).map((name) => `tcp_proxy.${name}`)],
  };
}

function clustersOf(specifier: ProtoTcpProxy['clusterSpecifier']): TcpProxy['clusters'] {
  if (specifier.case === 'cluster') return [{ name: specifier.value, weight: 1 }];
  const shares = specifier.case === 'weightedClusters' ? specifier.value.clusters : [];
  return shares.map(({ name, weight }) => ({ name, weight }));
}

export function decodeChainMatch(match: ProtoMatch | undefined): FilterChainMatch {
  if (match === undefined) return ANY_CONNECTION;
  return {
    prefixRanges: match.prefixRanges.map(({ addressPrefix, prefixLen }) => ({
      address: addressPrefix,
      length: prefixLen ?? 0,
    })),
    serverNames: match.serverNames.map((name) => name.toLowerCase()),
    transportProtocol: match.transportProtocol,
    applicationProtocols: [...match.applicationProtocols],
    bySource: otherFields(match, BY_DESTINATION).length > 0,
  };
}
