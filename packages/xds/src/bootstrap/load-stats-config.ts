import { messageType } from '@inmesh/api';
import type { ClusterManager } from '@inmesh/api/gen/envoy/config/bootstrap/v3/bootstrap_pb';
import type { Cluster } from '@inmesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import type { Decoding } from '../decode/index.ts';
import type { TextDocument } from '../text/index.ts';
import { readAdsServers } from './ads-servers.ts';
import type { XdsServer } from './bootstrap.ts';
import { messageAt, placed, writtenPath } from './message-at.ts';

/** The server of `cluster_manager.load_stats_config`, the first where its cluster has several addresses; null for none. Other settings of the cluster manager are warned of. */
export function readLoadStatsConfig(
  decoding: Decoding,
  document: TextDocument,
  clusterOf: (name: string) => Cluster | undefined,
  warnings: string[],
): XdsServer | null {
  const path = writtenPath(document, ['cluster_manager']);
  if ((document.at(path) ?? null) === null) return null;
  const typeName = 'envoy.config.bootstrap.v3.ClusterManager';
  const manager = messageAt<ClusterManager>(decoding, document, path, typeName);
  for (const { name, localName } of messageType<ClusterManager>(typeName).fields) {
    const value = (manager as { readonly [field: string]: unknown })[localName];
    if (name === 'load_stats_config' || value === undefined || value === '' || value === false) continue;
    const { line } = document.positionOf(path, 'key');
    warnings.push(`${document.origin}:${line}: cluster_manager.${name} steers an Envoy process and has no effect here`);
  }
  const config = manager.loadStatsConfig;
  if (config === undefined) return null;
  const place = writtenPath(document, ['cluster_manager', 'load_stats_config']);
  return placed(document, place, () => readAdsServers(decoding, config, clusterOf))[0] ?? null;
}
