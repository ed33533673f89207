import type { JsonObject } from '@bufbuild/protobuf';
import { ADS, API, type EdgeCase, goodChain, NAME, RANGE, ROUTER, virtualHost } from './edge-case.ts';

const HTTP = `${API}envoy.extensions.filters.http.`;
const STRUCT = { '@type': `${API}google.protobuf.Struct` };

type More = Pick<EdgeCase, 'unlikeEnvoy' | 'unlikeGrpc'>;

const manager = (
  title: string,
  fields: JsonObject,
  envoy: RegExp | null,
  grpc: RegExp | null,
  more: More = {},
): EdgeCase => ({ title, kind: 'listener', part: 'manager', fields, envoy, grpc, ...more });

const listener = (
  title: string,
  fields: JsonObject,
  envoy: RegExp | null,
  grpc: RegExp | null,
  more: More = {},
): EdgeCase => ({ title, kind: 'listener', part: 'listener', fields, envoy, grpc, ...more });

const filters = (...list: JsonObject[]): JsonObject => ({ http_filters: list });
const fault = (config: JsonObject = {}): JsonObject => ({
  name: 'fault',
  typed_config: { '@type': `${HTTP}fault.v3.HTTPFault`, ...config },
});
const rbac = { name: 'rbac', typed_config: { '@type': `${HTTP}rbac.v3.RBAC` } };
const unknown = { name: 'nobody', typed_config: STRUCT };
const inline = (...virtualHosts: JsonObject[]): JsonObject => ({
  rds: null,
  route_config: { name: NAME, virtual_hosts: virtualHosts },
});
const otherStream: JsonObject = {
  api_config_source: {
    api_type: 'GRPC',
    transport_api_version: 'V3',
    grpc_services: [{ envoy_grpc: { cluster_name: 'ads' } }],
  },
  resource_api_version: 'V3',
};

export const LISTENERS: readonly EdgeCase[] = [
  manager('a good one', {}, null, null),
  manager('routes inline', inline(virtualHost({})), null, null),
  manager(
    'routes inline, of which one has no match',
    inline(virtualHost({ routes: [{ route: { cluster: NAME } }] })),
    /route_config\.virtual_hosts\[0\]\.routes\[0\]\.match/,
    /route_config\.virtual_hosts\[0\]\.routes\[0\]\.match/,
  ),
  manager('no stat_prefix', { stat_prefix: '' }, /stat_prefix/, null),
  manager('no routes', { rds: null }, /route_specifier/, /route_specifier/),
  manager('routes without a name', { rds: { config_source: ADS } }, /route_config_name/, /route_config_name/, {
    unlikeEnvoy: 'no resource has no name, so there is nothing to ask for',
  }),
  manager('routes from self', { rds: { config_source: { self: {} }, route_config_name: NAME } }, null, null, {
    unlikeEnvoy: 'feeds that are made for gRPC say so, and inmesh has one stream for all',
  }),
  manager('routes without a source', { rds: { route_config_name: NAME } }, /config_source/, /config_source/),
  manager(
    'routes from another stream',
    { rds: { config_source: otherStream, route_config_name: NAME } },
    /config_source/,
    /config_source/,
    {
      unlikeEnvoy: 'inmesh has one stream to a control plane, and cannot ask for routes over another',
    },
  ),
  manager(
    'routes by scope',
    {
      rds: null,
      scoped_routes: {
        name: 's',
        scope_key_builder: { fragments: [{ header_value_extractor: { name: 'x', index: 0 } }] },
        rds_config_source: ADS,
        scoped_rds: { scoped_rds_config_source: ADS },
      },
    },
    null,
    /scoped_routes/,
  ),
  manager('trusted hops', { xff_num_trusted_hops: 1 }, null, /xff_num_trusted_hops/),
  manager(
    'ways to detect the original address',
    {
      original_ip_detection_extensions: [
        { name: 'x', typed_config: { '@type': `${API}envoy.extensions.http.original_ip_detection.xff.v3.XffConfig` } },
      ],
    },
    null,
    /original_ip_detection_extensions/,
  ),
  manager('filters: none', filters(), /http_filters/, /http filters list is empty/, {
    unlikeEnvoy: 'without a router no call would be answered',
  }),
  manager('filters: no router', filters(fault()), /terminal/, /terminal/),
  manager('filters: the router first', filters(ROUTER, fault()), /terminal/, /terminal/),
  manager('filters: two routers', filters(ROUTER, { ...ROUTER, name: 'again' }), /terminal/, /terminal/),
  manager('filters: a name twice', filters(fault(), fault(), ROUTER), null, /duplicate filter name fault/),
  manager('filters: no name', filters({ ...fault(), name: '' }, ROUTER), /name/, /name/),
  manager('filters: an unknown one', filters(unknown, ROUTER), null, /no filter of gRPC/, {
    unlikeEnvoy: 'only the calls of that listener are refused, and explain says why',
  }),
  manager('filters: an unknown one, optional', filters({ ...unknown, is_optional: true }, ROUTER), null, null),
  manager('filters: no configuration', filters({ name: 'nobody' }, ROUTER), /typed_config/, /typed_config/),
  manager('filters: RBAC', filters(rbac, ROUTER), null, /not supported on the client side/),
  manager('filters: RBAC, optional', filters({ ...rbac, is_optional: true }, ROUTER), null, null),
  manager('filters: faults', filters(fault(), ROUTER), null, null),
  manager(
    'filters: a fault of status 99',
    filters(fault({ abort: { http_status: 99, percentage: { numerator: 1 } } }), ROUTER),
    /http_status/,
    /http_status/,
    {
      unlikeGrpc: RANGE,
    },
  ),
  listener('no address', { address: null }, /address/, /address/),
  listener('no filter chain', { filter_chains: [] }, /filter_chains/, /filter_chains/),
  listener('a default filter chain only', { filter_chains: [], default_filter_chain: goodChain() }, null, null),
  listener(
    'two filter chains that match the same',
    { filter_chains: [goodChain(), goodChain()] },
    /filter_chains\[1\]/,
    /overlapping/,
  ),
  listener('use_original_dst', { use_original_dst: true }, null, /use_original_dst/),
  listener(
    'listener filters',
    {
      listener_filters: [
        {
          name: 'tls',
          typed_config: { '@type': `${API}envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector` },
        },
      ],
    },
    null,
    /listener_filters/,
  ),
  listener(
    'a TCP proxy',
    {
      filter_chains: [
        {
          filters: [
            {
              name: 'tcp',
              typed_config: {
                '@type': `${API}envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy`,
                stat_prefix: 't',
                cluster: NAME,
              },
            },
          ],
        },
      ],
    },
    null,
    /exactly one HttpConnectionManager/,
  ),
];
