import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import type { GenMessage } from '@bufbuild/protobuf/codegenv2';
import { messageType, typeUrlOf } from '@inmesh/api';
import type { Cluster } from '@inmesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import type { ClusterLoadAssignment } from '@inmesh/api/gen/envoy/config/endpoint/v3/endpoint_pb';
import type {
  DeltaDiscoveryResponse,
  DiscoveryResponse,
} from '@inmesh/api/gen/envoy/service/discovery/v3/discovery_pb';

const endpointCount = 5_000;
const clusterCount = 10_000;

export type ResponseName = 'eds-sotw' | 'eds-delta' | 'cds-sotw' | 'cds-delta';

interface Named {
  readonly name: string;
  readonly typeUrl: string;
  readonly value: Uint8Array;
}

/** The large responses of the suite, as bytes. */
export function makeResponses(): Map<ResponseName, Uint8Array> {
  const endpoints = [assignment('big', endpointCount)];
  const clusters = Array.from({ length: clusterCount }, (_, index) => cluster(index));
  return new Map<ResponseName, Uint8Array>([
    ['eds-sotw', sotw(endpoints)],
    ['eds-delta', delta(endpoints)],
    ['cds-sotw', sotw(clusters)],
    ['cds-delta', delta(clusters)],
  ]);
}

/** With metadata, localities and weights, as istiod sends them. */
function assignment(name: string, count: number): Named {
  const zones = ['a', 'b', 'c'];
  return packed<ClusterLoadAssignment>('envoy.config.endpoint.v3.ClusterLoadAssignment', name, {
    clusterName: name,
    endpoints: zones.map((zone, zoneIndex) => ({
      locality: { region: 'eu-1', zone },
      loadBalancingWeight: Math.ceil(count / zones.length),
      lbEndpoints: Array.from({ length: Math.ceil((count - zoneIndex) / zones.length) }, (_, index) => ({
        hostIdentifier: {
          case: 'endpoint' as const,
          value: {
            address: {
              address: {
                case: 'socketAddress' as const,
                value: {
                  address: `10.${zoneIndex}.${index >> 8}.${index & 255}`,
                  portSpecifier: { case: 'portValue' as const, value: 8080 },
                },
              },
            },
          },
        },
        healthStatus: 1,
        loadBalancingWeight: 1,
        metadata: {
          filterMetadata: {
            istio: { workload: `reviews-v1;default;reviews;v1;Kubernetes` },
            'envoy.transport_socket_match': { tlsMode: 'istio' },
          },
        },
      })),
    })),
  });
}

/** Some 1.3 KB each, most of it metadata, as in a mesh with subsets. */
function cluster(index: number): Named {
  const name = `outbound|8080|v${index % 4}|service-${index}.namespace-${index % 50}.svc.cluster.local`;
  return packed<Cluster>('envoy.config.cluster.v3.Cluster', name, {
    name,
    clusterDiscoveryType: { case: 'type', value: 3 },
    edsClusterConfig: {
      serviceName: name,
      edsConfig: { configSourceSpecifier: { case: 'ads', value: {} }, resourceApiVersion: 2 },
    },
    connectTimeout: { seconds: 10n },
    circuitBreakers: {
      thresholds: [{ maxConnections: 1024, maxPendingRequests: 1024, maxRequests: 1024, maxRetries: 3 }],
    },
    metadata: {
      filterMetadata: {
        istio: {
          config: `/apis/networking.istio.io/v1alpha3/namespaces/namespace-${index % 50}/destination-rule/service-${index}`,
          default_original_port: 8080,
          services: [{ host: name, name: `service-${index}`, namespace: `namespace-${index % 50}` }],
          notes: 'x'.repeat(700),
        },
      },
    },
  });
}

function packed<T extends DiscoveryResponse | Cluster | ClusterLoadAssignment>(
  typeName: T['$typeName'],
  name: string,
  init: MessageInitShape<GenMessage<T>>,
): Named {
  const schema = messageType<T>(typeName);
  return { name, typeUrl: typeUrlOf(typeName), value: toBinary(schema, create(schema, init)) };
}

function sotw(resources: readonly Named[]): Uint8Array {
  const schema = messageType<DiscoveryResponse>('envoy.service.discovery.v3.DiscoveryResponse');
  const typeUrl = resources[0]?.typeUrl ?? '';
  return toBinary(schema, create(schema, { versionInfo: '1', nonce: '1', typeUrl, resources: [...resources] }));
}

function delta(resources: readonly Named[]): Uint8Array {
  const schema = messageType<DeltaDiscoveryResponse>('envoy.service.discovery.v3.DeltaDiscoveryResponse');
  const typeUrl = resources[0]?.typeUrl ?? '';
  return toBinary(
    schema,
    create(schema, {
      systemVersionInfo: '1',
      nonce: '1',
      typeUrl,
      resources: resources.map(({ name, value }) => ({ name, version: '1', resource: { typeUrl, value } })),
    }),
  );
}
