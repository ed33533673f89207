import type { Any } from '@bufbuild/protobuf/wkt';
import { readTypedConfig } from './typed-config.ts';

/** Network filters that watch and tell, and decide nothing: without them bytes go where they would go with them. */
const DECORATION: ReadonlySet<string> = new Set([
  // Tells peers apart for statistics; a connection without it offers no `istio-peer-exchange`.
  'envoy.tcp.metadataexchange.config.MetadataExchange',
  'io.istio.network.peer_metadata.Config',
  'stats.PluginConfig',
  'envoy.extensions.filters.network.kafka_broker.v3.KafkaBroker',
  'envoy.extensions.filters.network.mysql_proxy.v3.MySQLProxy',
  'envoy.extensions.filters.network.zookeeper_proxy.v3.ZooKeeperProxy',
]);

export function isDecoration(any: Any): boolean {
  return DECORATION.has(readTypedConfig(any, '').typeName);
}
