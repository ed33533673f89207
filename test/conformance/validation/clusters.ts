import type { JsonObject } from '@bufbuild/protobuf';
import { ADS, API, type EdgeCase, endpoint, locality, NAME, RANGE } from './edge-case.ts';

const POLICIES = `${API}envoy.extensions.load_balancing_policies.`;
const TLS = `${API}envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext`;
const RAW = { '@type': `${API}envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer` };
const HTTP_PROXY = `${API}envoy.extensions.transport_sockets.http_11_proxy.v3.Http11ProxyUpstreamTransport`;
const OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
const UNREAD = { unlikeGrpc: 'gRPC does not read it; this mesh acts on it' };
const AGGREGATE = `${API}envoy.extensions.clusters.aggregate.v3.ClusterConfig`;

const cluster = (
  title: string,
  fields: JsonObject,
  envoy: RegExp | null,
  grpc: RegExp | null,
  more: Pick<EdgeCase, 'unlikeEnvoy' | 'unlikeGrpc'> = {},
): EdgeCase => ({ title, kind: 'cluster', fields, envoy, grpc, ...more });

const policies = (...configs: JsonObject[]): JsonObject => ({
  policies: configs.map((config) => ({ typed_extension_config: { name: 'p', typed_config: config } })),
});
const nested = (depth: number): JsonObject =>
  depth === 0
    ? policies({ '@type': `${POLICIES}round_robin.v3.RoundRobin` })
    : policies({ '@type': `${POLICIES}wrr_locality.v3.WrrLocality`, endpoint_picking_policy: nested(depth - 1) });
const hosts = (...endpoints: JsonObject[]): JsonObject => ({
  cluster_name: NAME,
  endpoints: [{ lb_endpoints: endpoints }],
});
const tls = (common: JsonObject, more: JsonObject = {}): JsonObject => ({
  name: 'envoy.transport_sockets.tls',
  typed_config: { '@type': TLS, common_tls_context: common, ...more },
});
const sds = (name: string): JsonObject => ({ name, sds_config: ADS });
const options = (json: JsonObject): JsonObject => ({
  typed_extension_protocol_options: { [OPTIONS]: { '@type': `${API}${OPTIONS}`, ...json } },
});
const source = (address: string): JsonObject => ({ address, port_value: 0 });
const byType = { eds_cluster_config: null };
const AGGREGATES = { type: null, eds_cluster_config: null };
const instance = { instance_name: 'nobody' };

export const CLUSTERS: readonly EdgeCase[] = [
  cluster('a good one', {}, null, null),
  cluster('connect_timeout of 0', { connect_timeout: '0s' }, /connect_timeout: .*greater than 0s/, /connect_timeout/, {
    unlikeGrpc: RANGE,
  }),
  cluster('no EDS config source', { eds_cluster_config: {} }, /eds_config/, /eds_config/),
  cluster('EDS from self', { eds_cluster_config: { eds_config: { self: {} } } }, null, null, {
    unlikeEnvoy: 'feeds that are made for gRPC say so, and inmesh has one stream for all',
  }),
  cluster(
    'EDS from another stream',
    {
      eds_cluster_config: {
        eds_config: {
          api_config_source: {
            api_type: 'GRPC',
            transport_api_version: 'V3',
            grpc_services: [{ envoy_grpc: { cluster_name: 'ads' } }],
          },
          resource_api_version: 'V3',
        },
      },
    },
    null,
    /eds_config: must be ads or self/,
  ),
  cluster('STATIC without endpoints', { type: 'STATIC', ...byType }, null, /type: STATIC/),
  cluster(
    'STATIC with a host name',
    {
      type: 'STATIC',
      ...byType,
      load_assignment: hosts({ endpoint: { address: { socket_address: { address: 'shop', port_value: 1 } } } }),
    },
    /malformed IP address/,
    /type: STATIC/,
  ),
  cluster(
    'STRICT_DNS',
    { type: 'STRICT_DNS', ...byType, load_assignment: hosts(endpoint(1)) },
    null,
    /type: STRICT_DNS/,
  ),
  cluster('LOGICAL_DNS without a host', { type: 'LOGICAL_DNS', ...byType }, /load_assignment/, /load_assignment/),
  cluster(
    'LOGICAL_DNS with one host',
    { type: 'LOGICAL_DNS', ...byType, load_assignment: hosts(endpoint(1)) },
    null,
    null,
  ),
  cluster(
    'LOGICAL_DNS with two hosts',
    { type: 'LOGICAL_DNS', ...byType, load_assignment: hosts(endpoint(1), endpoint(2)) },
    /single locality with a single endpoint/,
    /single locality with a single endpoint/,
  ),
  cluster(
    'LOGICAL_DNS with two localities',
    {
      type: 'LOGICAL_DNS',
      ...byType,
      load_assignment: { cluster_name: NAME, endpoints: [locality({}), locality({})] },
    },
    /single locality/,
    /single locality/,
  ),
  cluster(
    'ORIGINAL_DST',
    { type: 'ORIGINAL_DST', ...byType, lb_policy: 'CLUSTER_PROVIDED' },
    null,
    /lb_policy: CLUSTER_PROVIDED/,
  ),
  cluster('ORIGINAL_DST with a balancer', { type: 'ORIGINAL_DST', ...byType }, /lb_policy/, /type: ORIGINAL_DST/),
  cluster('EDS without a balancer', { lb_policy: 'CLUSTER_PROVIDED' }, /lb_policy/, /lb_policy/),
  cluster(
    'an aggregate',
    {
      ...AGGREGATES,
      lb_policy: 'CLUSTER_PROVIDED',
      cluster_type: { name: 'envoy.clusters.aggregate', typed_config: { '@type': AGGREGATE, clusters: ['a'] } },
    },
    null,
    /lb_policy: CLUSTER_PROVIDED/,
  ),
  cluster(
    'an aggregate of nothing',
    {
      ...AGGREGATES,
      lb_policy: 'CLUSTER_PROVIDED',
      cluster_type: { name: 'envoy.clusters.aggregate', typed_config: { '@type': AGGREGATE, clusters: [] } },
    },
    /clusters: value must contain at least 1/,
    /./,
  ),
  cluster(
    'an aggregate with a balancer',
    {
      ...AGGREGATES,
      cluster_type: { name: 'envoy.clusters.aggregate', typed_config: { '@type': AGGREGATE, clusters: ['a'] } },
    },
    /lb_policy/,
    null,
  ),
  cluster(
    'an unknown type of cluster',
    {
      ...AGGREGATES,
      cluster_type: { name: 'corp.clusters.special', typed_config: { '@type': `${API}google.protobuf.Struct` } },
    },
    /cluster_type/,
    /cluster_type/,
  ),
  cluster('MAGLEV', { lb_policy: 'MAGLEV' }, null, /lb_policy: MAGLEV/),
  cluster('RING_HASH', { lb_policy: 'RING_HASH' }, null, null),
  cluster(
    'RING_HASH with another hash',
    { lb_policy: 'RING_HASH', ring_hash_lb_config: { hash_function: 'MURMUR_HASH_2' } },
    null,
    /hash_function: MURMUR_HASH_2/,
  ),
  cluster(
    'a ring above 8 M',
    { lb_policy: 'RING_HASH', ring_hash_lb_config: { maximum_ring_size: 8_388_609 } },
    /maximum_ring_size/,
    /maximum_ring_size/,
    { unlikeGrpc: 'gRFC A42 refuses it; grpc-go finds it when it makes the balancer' },
  ),
  cluster(
    'a ring with its least size above its greatest',
    { lb_policy: 'RING_HASH', ring_hash_lb_config: { minimum_ring_size: 4096, maximum_ring_size: 1024 } },
    /minimum_ring_size/,
    /minimum_ring_size/,
    { unlikeGrpc: 'gRFC A42 refuses it; grpc-go finds it when it makes the balancer' },
  ),
  cluster(
    'least request of one choice',
    { lb_policy: 'LEAST_REQUEST', least_request_lb_config: { choice_count: 1 } },
    /choice_count/,
    /choice_count/,
  ),
  cluster(
    'policies: none that is known',
    { load_balancing_policy: policies({ '@type': `${API}google.protobuf.Struct` }) },
    /load_balancing_policy/,
    /load_balancing_policy/,
  ),
  cluster(
    'policies: the second is known',
    {
      load_balancing_policy: policies(
        { '@type': `${API}google.protobuf.Struct` },
        { '@type': `${POLICIES}round_robin.v3.RoundRobin` },
      ),
    },
    null,
    null,
  ),
  cluster(
    'policies: maglev',
    { load_balancing_policy: policies({ '@type': `${POLICIES}maglev.v3.Maglev` }) },
    null,
    /no policy that gRPC supports/,
  ),
  cluster('policies: wrr_locality over round_robin', { load_balancing_policy: nested(1) }, null, null, {
    unlikeEnvoy: 'Envoy has it over one policy only; inmesh weighs localities over any, as gRPC does',
  }),
  cluster('policies: nested 17 deep', { load_balancing_policy: nested(17) }, /nested deeper/, /nested deeper/),
  cluster(
    'policies that are asked for and missing',
    { lb_policy: 'LOAD_BALANCING_POLICY_CONFIG' },
    /load_balancing_policy/,
    /lb_policy/,
  ),
  cluster(
    'policies beside an lb_policy that gRPC has not',
    { lb_policy: 'MAGLEV', load_balancing_policy: nested(0) },
    null,
    /lb_policy: MAGLEV/,
  ),
  cluster(
    'outliers: 101 percent',
    { outlier_detection: { max_ejection_percent: 101 } },
    /max_ejection_percent/,
    /max_ejection_percent/,
  ),
  cluster(
    'outliers: 101 percent of failures',
    { outlier_detection: { failure_percentage_threshold: 101 } },
    /failure_percentage_threshold/,
    /failure_percentage_threshold/,
  ),
  cluster('outliers: a negative interval', { outlier_detection: { interval: '-1s' } }, /interval/, /interval/),
  cluster('outliers: an interval of 0', { outlier_detection: { interval: '0s' } }, /interval/, /interval/, {
    unlikeGrpc: 'Envoy asks for more than 0, and inmesh cannot look every 0 s',
  }),
  cluster(
    'a panic threshold of 101',
    { common_lb_config: { healthy_panic_threshold: { value: 101 } } },
    /healthy_panic_threshold/,
    /healthy_panic_threshold/,
    { unlikeGrpc: RANGE },
  ),
  cluster('load reports to self', { lrs_server: { self: {} } }, null, null),
  cluster('load reports over ads', { lrs_server: ADS }, null, /lrs_server: must be self/),
  cluster('thresholds of no requests', { circuit_breakers: { thresholds: [{ max_requests: 0 }] } }, null, null),
  cluster(
    'a health check without its settings',
    { health_checks: [{ http_health_check: { path: '/' } }] },
    /health_checks\[0\]/,
    null,
  ),
  cluster(
    'preconnect below 1',
    { preconnect_policy: { per_upstream_preconnect_ratio: 0.5 } },
    /per_upstream_preconnect_ratio/,
    /per_upstream_preconnect_ratio/,
    { unlikeGrpc: RANGE },
  ),
  cluster(
    'protocol options of an unknown kind',
    { typed_extension_protocol_options: { nobody: { '@type': `${API}google.protobuf.Struct` } } },
    /typed_extension_protocol_options/,
    null,
  ),
  cluster('a plain socket', { transport_socket: { name: 'raw', typed_config: RAW } }, null, /transport_socket\.name/),
  cluster(
    'sockets by endpoint',
    { transport_socket_matches: [{ name: 'm', match: {}, transport_socket: { name: 'raw', typed_config: RAW } }] },
    null,
    /transport_socket_matches: must be empty/,
  ),
  cluster('TLS without a way to check', { transport_socket: tls({}) }, null, /validation_context_type/),
  cluster(
    'TLS with SDS',
    { transport_socket: tls({ validation_context_sds_secret_config: { name: 's', sds_config: ADS } }) },
    null,
    /validation_context_sds_secret_config/,
  ),
  cluster(
    'TLS with its own certificate',
    { transport_socket: tls({ tls_certificates: [{ certificate_chain: { inline_string: '' } }] }) },
    null,
    /tls_certificates/,
    { unlikeEnvoy: 'Envoy loads the certificate at once; inmesh when it connects, and then refuses the calls' },
  ),
  cluster(
    'TLS with a provider that the bootstrap has not',
    { transport_socket: tls({ validation_context: { ca_certificate_provider_instance: instance } }) },
    null,
    /certificate provider "nobody"/,
  ),
  cluster('TLS with tls_params', { transport_socket: tls({ tls_params: {} }) }, null, /tls_params/),
  cluster(
    'TLS with an SNI of 256 bytes',
    { transport_socket: tls({}, { sni: 'a'.repeat(256) }) },
    /sni: value length must be at most 255/,
    /./,
  ),
  cluster(
    'TLS with two certificates',
    { transport_socket: tls({ tls_certificate_sds_secret_configs: [sds('a'), sds('b')] }) },
    /Multiple TLS certificates are not supported for client contexts/,
    /tls_certificate_sds_secret_configs/,
  ),
  cluster(
    'TLS that checks the SNI, and has nothing to check it with',
    { transport_socket: tls({}, { auto_sni_san_validation: true }) },
    /auto_sni_san_validation/,
    /validation_context_type/,
  ),
  cluster(
    'a proxy around nothing',
    { transport_socket: { name: 'p', typed_config: { '@type': HTTP_PROXY } } },
    null,
    /transport_socket\.name/,
  ),
  cluster('ALPN without TLS', options({ auto_config: {} }), /ALPN configured for the cluster/, /ALPN/, UNREAD),
  cluster(
    'HTTP/1 and HTTP/2 at once',
    { http_protocol_options: {}, http2_protocol_options: {} },
    /Both HTTP1 and HTTP2 options/,
    /Both HTTP1 and HTTP2 options/,
    UNREAD,
  ),
  cluster(
    'a header field larger than all headers',
    options({
      explicit_http_config: { http2_protocol_options: { max_header_field_size_kb: 65 } },
      common_http_protocol_options: { max_response_headers_kb: 64 },
    }),
    /max_header_field_size_kb/,
    /max_header_field_size_kb/,
    UNREAD,
  ),
  cluster(
    'requests of a connection limited twice',
    {
      ...options({
        explicit_http_config: { http_protocol_options: {} },
        common_http_protocol_options: { max_requests_per_connection: 1 },
      }),
      max_requests_per_connection: 2,
    },
    /Only one of max_requests_per_connection/,
    /Only one of max_requests_per_connection/,
    UNREAD,
  ),
  cluster(
    'other limits for each host than of connections',
    { circuit_breakers: { per_host_thresholds: [{ max_requests: 1 }] } },
    /Unsupported field in per_host_thresholds/,
    /Unsupported field in per_host_thresholds/,
    UNREAD,
  ),
  cluster(
    'two addresses of one family to come from',
    {
      upstream_bind_config: {
        source_address: source('127.0.0.1'),
        extra_source_addresses: [{ address: source('127.0.0.2') }],
      },
    },
    /two same IP version source addresses/,
    /two same IP version source addresses/,
    UNREAD,
  ),
  cluster(
    'an address to come from that is none',
    { upstream_bind_config: { source_address: source('nowhere') } },
    /malformed IP address/,
    /malformed IP address/,
    UNREAD,
  ),
];
