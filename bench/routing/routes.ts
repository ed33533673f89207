import { type JsonObject, toBinary } from '@bufbuild/protobuf';
import { fromJson, messageType } from '@inmesh/api';
import type { ClusterConfig, Listener } from '@inmesh/core';
import { resourceTypes } from '@inmesh/xds';

export type Kind = 'prefix' | 'headers' | 'patterns' | 'all under one prefix';

const API = 'type.googleapis.com';
const HTTP = `${API}/envoy.extensions.filters.http`;

/** Five filters that each have something to look at and nothing to change in these calls, but for one header. */
const fiveFilters: readonly JsonObject[] = [
  {
    name: 'fault',
    typed_config: {
      '@type': `${HTTP}.fault.v3.HTTPFault`,
      abort: { header_abort: {}, percentage: { numerator: 100 } },
    },
  },
  {
    name: 'header_mutation',
    typed_config: {
      '@type': `${HTTP}.header_mutation.v3.HeaderMutation`,
      mutations: { request_mutations: [{ append: { header: { key: 'x-bench', value: 'yes' } } }] },
    },
  },
  {
    name: 'header_to_metadata',
    typed_config: {
      '@type': `${HTTP}.header_to_metadata.v3.Config`,
      request_rules: [{ header: 'x-version', on_header_present: { metadata_namespace: 'bench', key: 'version' } }],
    },
  },
  {
    name: 'set_metadata',
    typed_config: {
      '@type': `${HTTP}.set_metadata.v3.Config`,
      metadata: [{ metadata_namespace: 'bench', value: { a: 1 } }],
    },
  },
  {
    name: 'local_ratelimit',
    typed_config: {
      '@type': `${HTTP}.local_ratelimit.v3.LocalRateLimit`,
      stat_prefix: 'bench',
      token_bucket: { max_tokens: 4_000_000_000, tokens_per_fill: 4_000_000_000, fill_interval: '1s' },
      filter_enabled: { default_value: { numerator: 100 } },
      filter_enforced: { default_value: { numerator: 100 } },
    },
  },
];

const context = { nodeId: 'bench', controlPlane: '-', profile: 'envoy' } as const;

/** One endpoint, which nobody connects to. */
export function appCluster(): ClusterConfig {
  const type = messageType('envoy.config.cluster.v3.Cluster');
  const address = { socket_address: { address: '127.0.0.1', port_value: 1 } };
  const json: JsonObject = {
    name: 'app',
    type: 'STATIC',
    load_assignment: { cluster_name: 'app', endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
  };
  return resourceTypes().cluster.decode(toBinary(type, fromJson(type, json)), context).value;
}

/** A listener with so many routes, decoded as a feed's is. The last route is for all paths. */
export function listenerWith(kind: Kind, count: number, filters: boolean): Listener {
  const routes: JsonObject[] = Array.from({ length: count - 1 }, (_, index) => ({
    match: matchOf(kind, index),
    route: { cluster: 'app', timeout: '0s' },
  }));
  routes.push({ match: { prefix: '/' }, route: { cluster: 'app', timeout: '0s' } });
  const type = messageType('envoy.config.listener.v3.Listener');
  const json: JsonObject = {
    name: 'shop:80',
    api_listener: {
      api_listener: {
        '@type': `${API}/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
        stat_prefix: 'bench',
        route_config: { name: 'routes', virtual_hosts: [{ name: 'shop', domains: ['*'], routes }] },
        http_filters: [
          ...(filters ? fiveFilters : []),
          { name: 'router', typed_config: { '@type': `${HTTP}.router.v3.Router` } },
        ],
      },
    },
  };
  return resourceTypes().listener.decode(toBinary(type, fromJson(type, json)), context).value;
}

function matchOf(kind: Kind, index: number): JsonObject {
  const path = `/service-${index}/items`;
  switch (kind) {
    case 'prefix':
      return { prefix: path };
    case 'headers':
      return {
        prefix: path,
        headers: [
          { name: 'x-user', string_match: { exact: 'ann' } },
          { name: 'x-version', string_match: { prefix: 'v' } },
        ],
      };
    case 'patterns':
      return { safe_regex: { regex: `/service-${index}/items/[0-9]+(/.*)?` } };
    case 'all under one prefix':
      return { prefix: '/', headers: [{ name: 'x-user', string_match: { exact: `user-${index}` } }] };
  }
}

/** The path of a call to a route in the middle. */
export function pathOf(count: number): string {
  return `/service-${count >> 1}/items/42?x=1`;
}

/** Headers as an application sends them, in the order of the wire. */
export function headersOf(kind: Kind, count: number): string[] {
  const user = kind === 'all under one prefix' ? `user-${count >> 1}` : 'ann';
  return [
    'accept',
    '*/*',
    'user-agent',
    'bench',
    'accept-encoding',
    'gzip',
    'x-user',
    user,
    'x-version',
    'v3',
    'x-request-id',
    'c0ffee',
  ];
}
