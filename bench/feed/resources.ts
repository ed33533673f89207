import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import type { GenMessage } from '@bufbuild/protobuf/codegenv2';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { messageType, typeUrlOf } from '@inmesh/api';
import type { Cluster } from '@inmesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import type { ConfigSource } from '@inmesh/api/gen/envoy/config/core/v3/config_source_pb';
import type { ClusterLoadAssignment } from '@inmesh/api/gen/envoy/config/endpoint/v3/endpoint_pb';
import type { Listener } from '@inmesh/api/gen/envoy/config/listener/v3/listener_pb';
import type { VirtualHost } from '@inmesh/api/gen/envoy/config/route/v3/route_components_pb';
import type { RouteConfiguration } from '@inmesh/api/gen/envoy/config/route/v3/route_pb';
import type { Router } from '@inmesh/api/gen/envoy/extensions/filters/http/router/v3/router_pb';
import type { HttpConnectionManager } from '@inmesh/api/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';

export const listenerUrl: string = typeUrlOf('envoy.config.listener.v3.Listener');
export const routeUrl: string = typeUrlOf('envoy.config.route.v3.RouteConfiguration');
export const clusterUrl: string = typeUrlOf('envoy.config.cluster.v3.Cluster');
export const endpointsUrl: string = typeUrlOf('envoy.config.endpoint.v3.ClusterLoadAssignment');

const managerName = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const routerName = 'envoy.extensions.filters.http.router.v3.Router';
const ads: MessageInitShape<GenMessage<ConfigSource>> = {
  configSourceSpecifier: { case: 'ads', value: {} },
  resourceApiVersion: 2,
};

/** Clusters of a service: its own, and one for each of three subsets. */
export const clustersPerService = 4;
const subsets = ['', 'v1', 'v2', 'v3'];

/** The service of a number, as istiod would name it; all are on one port. */
export function hostOf(service: number): string {
  return `service-${service}.namespace-${service % 50}.svc.cluster.local`;
}

function clusterName(service: number, subset: string): string {
  return `outbound|9080|${subset}|${hostOf(service)}`;
}

/** An address on the loopback that nobody listens on. */
export interface Place {
  readonly address: string;
  readonly port: number;
}

/** Resources of one type by name, each as the field of a response that it is (`resources`, 2). */
export type Fields = ReadonlyMap<string, Uint8Array>;

/** As sidecars are fed: one listener, its routes for all services, some 1.3 KB for each cluster, most of it metadata. */
export function sidecarFeed(services: number, places: readonly Place[]): ReadonlyMap<string, Fields> {
  const clusters = new Map<string, Uint8Array>();
  const endpoints = new Map<string, Uint8Array>();
  for (let service = 0; service < services; service++) {
    for (const subset of subsets) {
      const name = clusterName(service, subset);
      clusters.set(name, cluster(name, service));
      endpoints.set(name, assignment(name, places));
    }
  }
  const name = '0.0.0.0_9080';
  return new Map<string, Fields>([
    [clusterUrl, clusters],
    [endpointsUrl, endpoints],
    [listenerUrl, new Map([[name, sidecarListener(name)]])],
    [routeUrl, new Map([['9080', routes('9080', services)]])],
  ]);
}

/** As proxyless clients are fed, by the same names: a listener and routes for each service that is asked for. */
export function namedFeed(services: number, places: readonly Place[]): ReadonlyMap<string, Fields> {
  const feed = {
    listeners: new Map<string, Uint8Array>(),
    routes: new Map<string, Uint8Array>(),
    clusters: new Map<string, Uint8Array>(),
    endpoints: new Map<string, Uint8Array>(),
  };
  for (let service = 0; service < services; service++) {
    const host = `${hostOf(service)}:9080`;
    const name = clusterName(service, '');
    feed.listeners.set(host, apiListener(host));
    feed.routes.set(host, routes(host, 1, service));
    feed.clusters.set(name, cluster(name, service));
    feed.endpoints.set(name, assignment(name, places));
  }
  return new Map<string, Fields>([
    [listenerUrl, feed.listeners],
    [routeUrl, feed.routes],
    [clusterUrl, feed.clusters],
    [endpointsUrl, feed.endpoints],
  ]);
}

/** The endpoints of the first service, so many that none can be called: with metadata, localities and weights, as istiod sends them. */
export function manyEndpoints(count: number, weight: number): readonly [name: string, field: Uint8Array] {
  const name = clusterName(0, '');
  const places = Array.from({ length: count }, (_, index) => ({
    address: `127.1.${index >> 8}.${index & 255}`,
    port: 8080,
  }));
  return [name, assignment(name, places, weight)];
}

/** The endpoints of one service. */
export function fewEndpoints(
  service: number,
  places: readonly Place[],
  weight: number,
): readonly [name: string, field: Uint8Array] {
  const name = clusterName(service, '');
  return [name, assignment(name, places, weight)];
}

/** A `DiscoveryResponse` of fields that are made already. */
export function response(typeUrl: string, version: string, nonce: string, fields: Iterable<Uint8Array>): Uint8Array {
  const head = new BinaryWriter().tag(1, WireType.LengthDelimited).string(version).finish();
  const tail = new BinaryWriter()
    .tag(4, WireType.LengthDelimited)
    .string(typeUrl)
    .tag(5, WireType.LengthDelimited)
    .string(nonce)
    .finish();
  return Buffer.concat([head, ...fields, tail]);
}

function assignment(name: string, places: readonly Place[], weight = 1): Uint8Array {
  const zones = ['a', 'b', 'c'];
  return packed<ClusterLoadAssignment>('envoy.config.endpoint.v3.ClusterLoadAssignment', {
    clusterName: name,
    endpoints: zones.map((zone, zoneIndex) => ({
      locality: { region: 'eu-1', zone },
      loadBalancingWeight: Math.ceil(places.length / zones.length),
      lbEndpoints: places
        .filter((_, index) => index % zones.length === zoneIndex)
        .map(({ address, port }) => ({
          hostIdentifier: {
            case: 'endpoint' as const,
            value: {
              address: {
                address: {
                  case: 'socketAddress' as const,
                  value: { address, portSpecifier: { case: 'portValue' as const, value: port } },
                },
              },
            },
          },
          healthStatus: 1,
          loadBalancingWeight: weight,
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

function cluster(name: string, service: number): Uint8Array {
  return packed<Cluster>('envoy.config.cluster.v3.Cluster', {
    name,
    clusterDiscoveryType: { case: 'type', value: 3 },
    edsClusterConfig: { serviceName: name, edsConfig: ads },
    connectTimeout: { seconds: 10n },
    circuitBreakers: {
      thresholds: [{ maxConnections: 1024, maxPendingRequests: 1024, maxRequests: 1024, maxRetries: 3 }],
    },
    metadata: {
      filterMetadata: {
        istio: {
          config: `/apis/networking.istio.io/v1alpha3/namespaces/namespace-${service % 50}/destination-rule/service-${service}`,
          default_original_port: 9080,
          services: [{ host: hostOf(service), name: `service-${service}`, namespace: `namespace-${service % 50}` }],
          notes: 'x'.repeat(700),
        },
      },
    },
  });
}

function routes(name: string, count: number, first = 0): Uint8Array {
  return packed<RouteConfiguration>('envoy.config.route.v3.RouteConfiguration', {
    name,
    virtualHosts: Array.from({ length: count }, (_, index) => virtualHost(first + index)),
  });
}

function virtualHost(service: number): MessageInitShape<GenMessage<VirtualHost>> {
  const host = hostOf(service);
  const [name, namespace] = host.split('.');
  return {
    name: `${host}:9080`,
    domains: [host, `${host}:9080`, `${name}.${namespace}`, `${name}.${namespace}:9080`, `${name}.${namespace}.svc`],
    includeRequestAttemptCount: true,
    routes: [
      {
        name: 'default',
        match: { pathSpecifier: { case: 'prefix', value: '/' } },
        action: {
          case: 'route',
          value: {
            clusterSpecifier: { case: 'cluster', value: clusterName(service, '') },
            timeout: { seconds: 0n },
            retryPolicy: { retryOn: 'connect-failure,refused-stream,unavailable,cancelled', numRetries: 2 },
          },
        },
      },
    ],
  };
}

function manager(routeConfigName: string): { typeUrl: string; value: Uint8Array } {
  return anyOf<HttpConnectionManager>(managerName, {
    statPrefix: routeConfigName,
    routeSpecifier: { case: 'rds', value: { routeConfigName, configSource: ads } },
    httpFilters: [
      { name: 'envoy.filters.http.router', configType: { case: 'typedConfig', value: anyOf<Router>(routerName, {}) } },
    ],
  });
}

function apiListener(name: string): Uint8Array {
  return packed<Listener>('envoy.config.listener.v3.Listener', { name, apiListener: { apiListener: manager(name) } });
}

/** It binds no port: as istiod's, it gets its connections from another one. */
function sidecarListener(name: string): Uint8Array {
  const value = { address: '0.0.0.0', portSpecifier: { case: 'portValue' as const, value: 9080 } };
  return packed<Listener>('envoy.config.listener.v3.Listener', {
    name,
    address: { address: { case: 'socketAddress', value } },
    bindToPort: false,
    trafficDirection: 2,
    filterChains: [
      {
        filters: [
          {
            name: 'envoy.filters.network.http_connection_manager',
            configType: { case: 'typedConfig', value: manager('9080') },
          },
        ],
      },
    ],
  });
}

type Known = Cluster | ClusterLoadAssignment | Listener | RouteConfiguration | HttpConnectionManager | Router;

function anyOf<T extends Known>(
  typeName: T['$typeName'],
  init: MessageInitShape<GenMessage<T>>,
): { typeUrl: string; value: Uint8Array } {
  const schema = messageType<T>(typeName);
  return { typeUrl: typeUrlOf(typeName), value: toBinary(schema, create(schema, init)) };
}

function packed<T extends Known>(typeName: T['$typeName'], init: MessageInitShape<GenMessage<T>>): Uint8Array {
  const { typeUrl, value } = anyOf<T>(typeName, init);
  return new BinaryWriter()
    .tag(2, WireType.LengthDelimited)
    .fork()
    .tag(1, WireType.LengthDelimited)
    .string(typeUrl)
    .tag(2, WireType.LengthDelimited)
    .bytes(value)
    .join()
    .finish();
}
