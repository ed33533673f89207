import { messageType } from '@inmesh/api';
import type { Bootstrap_DynamicResources } from '@inmesh/api/gen/envoy/config/bootstrap/v3/bootstrap_pb';
import type { Cluster } from '@inmesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import type { Address } from '@inmesh/api/gen/envoy/config/core/v3/address_pb';
import type { Node } from '@inmesh/api/gen/envoy/config/core/v3/base_pb';
import type { ConfigSource } from '@inmesh/api/gen/envoy/config/core/v3/config_source_pb';
import type { Listener } from '@inmesh/api/gen/envoy/config/listener/v3/listener_pb';
import type { Secret } from '@inmesh/api/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb';
import type { MeshError } from '@inmesh/core';
import { type Decoding, decodeAddress, decodeCluster, decodeListener, decodeSecret } from '../decode/index.ts';
import type { TextDocument } from '../text/index.ts';
import { readAdsServers, readGrpcCluster } from './ads-servers.ts';
import { type Bootstrap, EMPTY_BOOTSTRAP, NO_LOCALITY, type NodeIdentity } from './bootstrap.ts';
import { readInmeshBlock } from './inmesh-block.ts';
import { readLayeredRuntime } from './layered-runtime.ts';
import { readLoadStatsConfig } from './load-stats-config.ts';
import { lengthAt, messageAt, placed, writtenPath } from './message-at.ts';
import { staticSource } from './static-source.ts';

const TLS = 'envoy.extensions.transport_sockets.tls.v3';
const BOOTSTRAP = 'envoy.config.bootstrap.v3.Bootstrap';

/** Parts whose absence changes nothing for a client; all others that are given and not read are warned of. */
const READ: ReadonlySet<string> = new Set([
  'node',
  'static_resources',
  'dynamic_resources',
  'layered_runtime',
  'cluster_manager',
  'admin',
  'inmesh',
]);

/**
 * Reads Envoy's bootstrap, YAML or JSON, with the optional `inmesh` block of `inmesh.yaml`. Parts that steer an Envoy process are
 * left out with a warning. Throws `MeshError('invalid_config')` with file, line, field and remedy.
 */
export function readEnvoyBootstrap(decoding: Decoding, document: TextDocument): Bootstrap {
  const warnings = checkNames(document);
  const clusters = readList<Cluster>(decoding, document, 'clusters', 'envoy.config.cluster.v3.Cluster');
  const listeners = readList<Listener>(decoding, document, 'listeners', 'envoy.config.listener.v3.Listener');
  const secrets = readList<Secret>(decoding, document, 'secrets', `${TLS}.Secret`);
  const node = readNode(decoding, document);
  const byName = new Map(clusters.map((each) => [each.message.name, each.message]));
  const clusterOf = (name: string): Cluster | undefined => byName.get(name);
  const dynamic = readDynamic(decoding, document, clusterOf);
  if (dynamic.servers.length > 0 && node.id === '') {
    throw document.error(
      ['node', 'id'],
      'is missing',
      'give the node an id: the control plane knows this process by it',
    );
  }
  const resources = {
    origin: document.origin,
    staticListeners: listeners.map(({ message, path }) =>
      placed(document, path, () => decodeListener(decoding, message)),
    ),
    staticClusters: clusters.map(({ message, path }) => placed(document, path, () => decodeCluster(decoding, message))),
    staticSecrets: secrets.map(({ message, path }) => placed(document, path, () => decodeSecret(decoding, message))),
  };
  return {
    ...EMPTY_BOOTSTRAP,
    ...resources,
    format: 'envoy',
    node,
    ...dynamic,
    grpcClusters: Object.fromEntries(clusters.map(({ message }) => [message.name, readGrpcCluster(decoding, message)])),
    loadReportServer: readLoadStatsConfig(decoding, document, clusterOf, warnings),
    staticSource: staticSource(resources),
    runtimeLayers: readLayeredRuntime(decoding, document, node.cluster),
    admin: readAdmin(decoding, document),
    ...readInmeshBlock(document),
    warnings,
  };
}

interface Placed<T> {
  readonly message: T;
  readonly path: readonly (string | number)[];
}

function readList<T extends Cluster | Listener | Secret>(
  decoding: Decoding,
  document: TextDocument,
  name: string,
  typeName: T['$typeName'],
): Placed<T>[] {
  const list = writtenPath(document, ['static_resources', name]);
  const names = new Set<string>();
  return Array.from({ length: lengthAt(document, list) }, (_, index) => {
    const path = [...list, index];
    const message = messageAt<T>(decoding, document, path, typeName);
    if (message.name !== '' && names.has(message.name)) {
      throw document.error([...path, 'name'], `"${message.name}" is used twice`, 'give each its own name');
    }
    names.add(message.name);
    return { message, path };
  });
}

/** Every name at the top must be Envoy's or ours, because a misspelt one would be left out in silence. */
function checkNames(document: TextDocument): string[] {
  const root = document.value;
  if (typeof root !== 'object' || root === null || Array.isArray(root)) {
    throw document.error([], 'is not a bootstrap', 'write node, static_resources or dynamic_resources at the top');
  }
  const fields = messageType(BOOTSTRAP).fields;
  const warnings: string[] = [];
  for (const name of Object.keys(root)) {
    const field = fields.find((each) => each.name === name || each.jsonName === name);
    if (field === undefined && name !== 'inmesh') {
      throw document.error([name], `is no field of ${BOOTSTRAP}`, 'check its spelling and indentation', {
        part: 'key',
      });
    }
    if (field !== undefined && !READ.has(field.name)) {
      const { line } = document.positionOf([name], 'key');
      warnings.push(`${document.origin}:${line}: ${name} steers an Envoy process and has no effect here`);
    }
  }
  return warnings;
}

function readNode(decoding: Decoding, document: TextDocument): NodeIdentity {
  if ((document.at(['node']) ?? null) === null) return EMPTY_BOOTSTRAP.node;
  const node = messageAt<Node>(decoding, document, ['node'], 'envoy.config.core.v3.Node');
  const { region, zone, subZone } = node.locality ?? NO_LOCALITY;
  return { id: node.id, cluster: node.cluster, locality: { region, zone, subZone }, metadata: node.metadata ?? {} };
}

function readDynamic(
  decoding: Decoding,
  document: TextDocument,
  clusterOf: (name: string) => Cluster | undefined,
): Pick<Bootstrap, 'servers' | 'dynamic'> {
  const path = writtenPath(document, ['dynamic_resources']);
  if ((document.at(path) ?? null) === null) return { servers: [], dynamic: { listeners: false, clusters: false } };
  const message = messageAt<Bootstrap_DynamicResources>(decoding, document, path, `${BOOTSTRAP}.DynamicResources`);
  const fault = (name: string, problem: string, remedy: string): MeshError =>
    document.error([...path, name], problem, remedy);
  const overAds = (name: string, source: ConfigSource | undefined): boolean => {
    if (source === undefined) return false;
    const kind = source.configSourceSpecifier.case;
    if (kind === 'ads' || kind === 'self') return true;
    throw fault(name, 'does not come over ADS', 'write ads: {} and name the control plane in ads_config');
  };
  const dynamic = {
    listeners: overAds('lds_config', message.ldsConfig),
    clusters: overAds('cds_config', message.cdsConfig),
  };
  const adsConfig = message.adsConfig;
  if (adsConfig === undefined) {
    if (!dynamic.listeners && !dynamic.clusters) return { servers: [], dynamic };
    throw fault('ads_config', 'is missing', 'name the control plane: api_type: GRPC and grpc_services');
  }
  const adsPath = writtenPath(document, ['dynamic_resources', 'ads_config']);
  const servers = placed(document, adsPath, () => readAdsServers(decoding, adsConfig, clusterOf));
  return { servers, dynamic };
}

function readAdmin(decoding: Decoding, document: TextDocument): Bootstrap['admin'] {
  const path = ['admin', 'address'];
  if ((document.at(path) ?? null) === null) return null;
  const message = messageAt<Address>(decoding, document, path, 'envoy.config.core.v3.Address');
  return placed(document, path, () => decodeAddress(message, '', 'ip'));
}
