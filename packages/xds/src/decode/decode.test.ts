import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type JsonValue, type Message, toBinary } from '@bufbuild/protobuf';
import { fromJson, messageType, registry, typeNameOf } from '@inmesh/api';
import {
  type ClusterConfig,
  DEFAULT_POOL,
  DEFAULT_THRESHOLDS,
  FORWARD_DEFAULTS,
  HTTP1_UPSTREAM,
  isMeshError,
  type Kind,
  type Listener,
  type Model,
  NO_CONDITIONS,
  NO_MESSAGE_MUTATIONS,
  PLAIN_TRANSPORT,
  ROUTE_CONFIGURATION_DEFAULTS,
  type RouteConfiguration,
  WEIGHTED_CLUSTER_DEFAULTS,
} from '@inmesh/core';
import { allKinds } from '../kinds.ts';
import { wrapUnknownTypes } from '../text/index.ts';
import { resourceTypes } from './resource-types.ts';

const types = resourceTypes();
const context = { nodeId: 'node-1', controlPlane: 'xds:15010' } as const;

function bytesOf(typeName: string, json: JsonValue): Uint8Array {
  const schema = messageType(typeName);
  return toBinary(schema, fromJson(schema, wrapUnknownTypes(json, registry())) as Message);
}

/** A resource from JSON over the wire to the model. */
function decode<K extends Kind>(kind: K, json: JsonValue): Model[K] {
  const type = types[kind];
  return type.decode(bytesOf(typeNameOf(type.typeUrl), json), context).value;
}

function problemOf(kind: Kind, json: JsonValue): string {
  try {
    decode(kind, json);
  } catch (error) {
    assert.ok(isMeshError(error) && error.code === 'invalid_config', String(error));
    return error.message;
  }
  return 'none';
}

function fixture(name: string): [typeUrl: string, resources: JsonValue[]][] {
  const path = new URL(`../../test-fixtures/${name}`, import.meta.url);
  return Object.entries(JSON.parse(readFileSync(path, 'utf8')) as { [typeUrl: string]: JsonValue[] });
}

function decodeFixture(name: string): { readonly [K in Kind]: Model[K][] } {
  const models = Object.fromEntries(allKinds.map((kind) => [kind, []])) as unknown as { [K in Kind]: Model[K][] };
  for (const [typeUrl, resources] of fixture(name)) {
    const kind = (Object.keys(types) as Kind[]).find((each) => types[each].typeUrl === typeUrl);
    assert.ok(kind !== undefined, typeUrl);
    for (const json of resources) {
      const { '@type': _, ...fields } = json as { [key: string]: JsonValue };
      (models[kind] as unknown[]).push(decode(kind, fields));
    }
  }
  return models;
}

const route = (json: { [key: string]: JsonValue }): RouteConfiguration =>
  decode('routeConfiguration', {
    name: 'r',
    virtual_hosts: [{ name: 'v', domains: ['*'], routes: [{ match: { prefix: '/' }, ...json }] }],
  });
const firstRoute = (json: { [key: string]: JsonValue }) => {
  const found = route(json).virtualHosts[0]?.routes[0];
  assert.ok(found);
  return found;
};
const cluster = (json: { [key: string]: JsonValue }): ClusterConfig =>
  decode('cluster', { name: 'c', type: 'EDS', eds_cluster_config: { eds_config: { ads: {} } }, ...json });

const API = 'type.googleapis.com/';
const HTTP = `${API}envoy.extensions.filters.http.`;
const MANAGER = `${API}envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`;
const router = { name: 'envoy.filters.http.router', typed_config: { '@type': `${HTTP}router.v3.Router` } };
const manager = (json: { [key: string]: JsonValue }): JsonValue => ({
  '@type': MANAGER,
  stat_prefix: 'p',
  rds: { config_source: { ads: {} }, route_config_name: 'r' },
  http_filters: [router],
  ...json,
});
const address = { socket_address: { address: '127.0.0.1', port_value: 80 } };
const apiListener = (json: { [key: string]: JsonValue }): JsonValue => ({
  name: 'l',
  api_listener: { api_listener: manager(json) },
});

describe('feeds of istiod', () => {
  it('decodes all that a sidecar gets', () => {
    const models = decodeFixture('sidecar-client.json');
    assert.deepEqual(
      models.listener.map((each) => [each.name, each.http?.routes.kind === 'rds' ? each.http.routes.name : null]),
      [
        ['0.0.0.0_8080', '8080'],
        ['0.0.0.0_9090', '9090'],
        ['virtualOutbound', null],
        ['virtualInbound', null],
      ],
    );
    assert.deepEqual(models.listener[0]?.address, { kind: 'socket', host: '0.0.0.0', port: 8080 });
    assert.deepEqual(
      models.listener[0]?.http?.httpFilters.map((filter) => [filter.name, filter.support]),
      [
        ['istio.metadata_exchange', 'known'],
        ['envoy.filters.http.grpc_stats', 'skipped'],
        ['istio.alpn', 'known'],
        ['envoy.filters.http.fault', 'known'],
        ['envoy.filters.http.cors', 'known'],
        ['envoy.filters.http.router', 'terminal'],
      ],
    );
    const greeter = models.routeConfiguration[0]?.virtualHosts[0];
    assert.deepEqual(
      greeter?.routes.map((each) => each.unsupported),
      [[], []],
    );
    assert.deepEqual(greeter?.routes[1]?.action, {
      ...FORWARD_DEFAULTS,
      clusters: [
        { ...WEIGHTED_CLUSTER_DEFAULTS, name: 'outbound|8080|v1|greeter.default.svc.cluster.local', weight: 80 },
        { ...WEIGHTED_CLUSTER_DEFAULTS, name: 'outbound|8080|v2|greeter.default.svc.cluster.local', weight: 20 },
      ],
      totalWeight: 100,
      clusterNotFoundStatus: 503,
      timeoutMs: 3000,
      retryPolicy: {
        retryOn: ['unavailable', 'cancelled', '5xx'],
        numRetries: 2,
        retriableStatusCodes: [],
        perTryTimeoutMs: 1000,
        backoffBaseMs: 25,
        backoffMaxMs: 250,
        avoidPreviousHosts: true,
        hostSelectionRetryMaxAttempts: 5,
      },
      priority: 'default',
    });
    assert.equal(greeter?.includeRequestAttemptCount, true);
    const byName = new Map(models.cluster.map((each) => [each.name, each]));
    assert.deepEqual(byName.get('PassthroughCluster')?.discovery, { kind: 'original_dst' });
    assert.deepEqual(byName.get('PassthroughCluster')?.unsupported, []);
    assert.deepEqual(byName.get('BlackHoleCluster')?.unsupported, []);
    const plain = byName.get('outbound|8080||greeter.default.svc.cluster.local');
    assert.deepEqual(plain?.discovery, { kind: 'eds', serviceName: plain?.name });
    assert.deepEqual(plain?.unsupported, []);
    assert.ok(plain?.transport.socket.kind === 'tls');
    const { sni, common } = plain.transport.socket.context;
    assert.equal(sni, 'outbound_.8080_._.greeter.default.svc.cluster.local');
    assert.deepEqual(
      common.certificates.map((each) => each.kind === 'sds' && [each.secret.name, each.secret.source.kind]),
      [['default', 'grpc']],
    );
    assert.equal(common.validation?.secret?.name, 'ROOTCA');
    assert.equal(plain?.thresholds.default.maxPendingRequests, 4294967295);
    assert.equal(plain?.healthyPanicThreshold, 0);
    assert.equal(models.clusterLoadAssignment.length, 6);
  });

  it('decodes all that a proxyless gRPC client gets', () => {
    const models = decodeFixture('grpc-client.json');
    assert.equal(models.listener[0]?.address, null);
    assert.equal(models.listener[0]?.http?.routes.kind, 'rds');
    assert.deepEqual(models.clusterLoadAssignment[0]?.localities[0]?.endpoints[0]?.metadata, {
      'envoy.transport_socket_match': { tlsMode: 'istio' },
      istio: { workload: 'greeter-1;default;greeter;v2;Kubernetes' },
    });
  });
});

describe('original destinations', () => {
  it('are kept where nothing leads elsewhere', () => {
    const original = (json: { [key: string]: JsonValue }) =>
      decode('cluster', { name: 'c', type: 'ORIGINAL_DST', lb_policy: 'CLUSTER_PROVIDED', ...json });
    assert.deepEqual(original({}).discovery, { kind: 'original_dst' });
    assert.deepEqual(original({}).unsupported, []);
    assert.deepEqual(original({ original_dst_lb_config: { use_http_header: true } }).unsupported, [
      'original_dst_lb_config.use_http_header',
    ]);
  });
});

describe('decodeListener', () => {
  const support = (filter: { [key: string]: JsonValue }): string | undefined => {
    const listener = decode('listener', apiListener({ http_filters: [{ name: 'f', ...filter }, router] })) as Listener;
    const decoded = listener.http?.httpFilters[0];
    return decoded === undefined
      ? undefined
      : [decoded.support, decoded.disabled && 'disabled', decoded.optional && 'optional'].filter(Boolean).join(' ');
  };

  it('skips what does nothing and refuses what it does not implement', () => {
    const fault = { '@type': `${HTTP}fault.v3.HTTPFault`, abort: { http_status: 503, percentage: { numerator: 1 } } };
    const unknown = { '@type': `${API}com.example.Unknown`, a: 1 };
    const udpa = { '@type': `${API}udpa.type.v1.TypedStruct`, type_url: `${API}stats.PluginConfig`, value: { a: 1 } };
    const rules = { action: 'DENY', policies: {} };
    const cases: [string, { [key: string]: JsonValue }, string][] = [
      ['an empty fault', { typed_config: { '@type': `${HTTP}fault.v3.HTTPFault` } }, 'known'],
      ['a fault', { typed_config: fault }, 'known'],
      ['a disabled fault', { typed_config: fault, disabled: true }, 'known disabled'],
      ['shadow rules', { typed_config: { '@type': `${HTTP}rbac.v3.RBAC`, shadow_rules: rules } }, 'known'],
      ['rules', { typed_config: { '@type': `${HTTP}rbac.v3.RBAC`, rules } }, 'known'],
      ['an unknown type', { typed_config: unknown }, 'unknown'],
      ['an optional unknown type', { typed_config: unknown, is_optional: true }, 'unknown optional'],
      ['Istio statistics in udpa TypedStruct', { typed_config: udpa }, 'skipped'],
      ['ECDS', { config_discovery: { config_source: { ads: {} }, type_urls: [unknown['@type']] } }, 'missing'],
    ];
    for (const [title, filter, expected] of cases) assert.equal(support(filter), expected, title);
  });

  it('finds the connection manager behind plain TCP chains, or none', () => {
    const tcp = {
      filters: [
        { name: 't', typed_config: { '@type': `${API}envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy`, x: 1 } },
      ],
    };
    const http = {
      filter_chain_match: { transport_protocol: 'raw_buffer' },
      filters: [{ name: 'h', typed_config: manager({}) }],
    };
    const listener = (json: { [key: string]: JsonValue }) => decode('listener', { name: 'l', address, ...json });
    const wrapped = JSON.parse(JSON.stringify(tcp).replace('TcpProxy', 'Unknown')) as JsonValue;
    assert.equal(listener({ filter_chains: [wrapped, http] }).http?.statPrefix, 'p');
    assert.equal(listener({ filter_chains: [wrapped], default_filter_chain: http }).http?.statPrefix, 'p');
    assert.equal(listener({ filter_chains: [wrapped] }).http, null);
  });

  it('reads which way traffic goes, and where each chain leads', () => {
    const proxy = (json: { [key: string]: JsonValue }): JsonValue => ({
      '@type': `${API}envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy`,
      stat_prefix: 't',
      ...json,
    });
    const clusters = [
      { name: 'a', weight: 1 },
      { name: 'b', weight: 3 },
    ];
    const { direction, chains } = decode('listener', {
      name: 'l',
      address,
      traffic_direction: 'OUTBOUND',
      filter_chains: [
        {
          name: 'own',
          filter_chain_match: { destination_port: 15001 },
          filters: [{ name: 't', typed_config: proxy({ cluster: 'BlackHoleCluster' }) }],
        },
        { filters: [{ name: 't', typed_config: proxy({ weighted_clusters: { clusters } }) }] },
      ],
      default_filter_chain: { filters: [{ name: 'h', typed_config: manager({}) }] },
    });
    assert.equal(direction, 'outbound');
    assert.deepEqual(
      chains.map(({ name, port, catchAll, tcp, http }) => [name, port, catchAll, tcp?.clusters, http?.statPrefix]),
      [
        ['own', 15001, false, [{ name: 'BlackHoleCluster', weight: 1 }], undefined],
        ['', null, true, clusters, undefined],
        ['', null, true, undefined, 'p'],
      ],
    );
  });

  it('reads inline routes, and refuses every call under scoped ones', () => {
    const without = (json: { [key: string]: JsonValue }): Listener => {
      const { rds: _, ...fields } = manager(json) as { [key: string]: JsonValue };
      return decode('listener', { name: 'l', api_listener: { api_listener: fields } });
    };
    const scoped = without({
      scoped_routes: {
        name: 's',
        scope_key_builder: { fragments: [{ header_value_extractor: { name: 'x', index: 0 } }] },
        scoped_rds: { scoped_rds_config_source: { ads: {} } },
      },
    });
    assert.ok(scoped.http?.routes.kind === 'inline');
    assert.deepEqual(scoped.http.routes.config.virtualHosts[0]?.routes[0]?.unsupported, ['scoped_routes']);
    const inline = without({ route_config: { name: 'in', virtual_hosts: [] } });
    assert.deepEqual(inline.http?.routes, {
      kind: 'inline',
      config: { ...ROUTE_CONFIGURATION_DEFAULTS, name: 'in', virtualHosts: [] },
    });
  });

  it('names field and reason', () => {
    const source = { api_config_source: { api_type: 'GRPC', transport_api_version: 'V3' } };
    const cases: [string, JsonValue, RegExp][] = [
      [
        'no name',
        { api_listener: { api_listener: manager({}) } },
        /Listener "": name: value length must be at least 1/,
      ],
      [
        'another type',
        { name: 'l', api_listener: { api_listener: { '@type': `${API}envoy.config.cluster.v3.Cluster` } } },
        /Listener "l": api_listener\.api_listener: is not supported/,
      ],
      [
        'router not last',
        apiListener({ http_filters: [router, router] }),
        /http_filters\[0\]: terminal filter envoy\.filters\.http\.router must be the last/,
      ],
      [
        'no router',
        apiListener({ http_filters: [{ name: 'c', typed_config: { '@type': `${HTTP}cors.v3.Cors` } }] }),
        /http_filters: the last filter of the chain must be terminal/,
      ],
      [
        'a filter without type',
        apiListener({ http_filters: [{ name: 'x' }, router] }),
        /http_filters\[0\]\.typed_config: filter x has no configuration/,
      ],
      [
        'RDS from elsewhere',
        apiListener({ rds: { config_source: source, route_config_name: 'r' } }),
        /rds\.config_source: routes must come over ads/,
      ],
      [
        'RDS without a name',
        apiListener({ rds: { config_source: { ads: {} } } }),
        /rds\.route_config_name: value length/,
      ],
      [
        'a broken rule inside',
        {
          name: 'l',
          address,
          filter_chains: [{ filters: [{ name: 'h', typed_config: manager({ stat_prefix: '' }) }] }],
        },
        /filter_chains\[0\]\.filters\[0\]\.typed_config\.stat_prefix: value length must be at least 1/,
      ],
    ];
    for (const [title, json, expected] of cases) assert.match(problemOf('listener', json), expected, title);
    assert.match(problemOf('listener', { name: '' }), /\(nodeId node-1, controlPlane xds:15010\)|resource /);
  });

  it('turns bytes that are no message into an error of that resource', () => {
    const bytes = Uint8Array.from([0x0a, 1, 0x6c, 0x12, 0x7f]);
    assert.throws(() => types.listener.decode(bytes, context), /\[invalid_config\] Listener "l": cannot be decoded/);
  });
});

describe('decodeRouteConfiguration', () => {
  it('fills in Envoy’s defaults', () => {
    const found = firstRoute({ route: { cluster: 'c', retry_policy: { retry_on: ' 5XX , connect-failure,' } } });
    assert.deepEqual(found, {
      name: '',
      path: { kind: 'prefix', value: '/', caseSensitive: true },
      conditions: NO_CONDITIONS,
      action: {
        ...FORWARD_DEFAULTS,
        clusters: [{ ...WEIGHTED_CLUSTER_DEFAULTS, name: 'c', weight: 1 }],
        totalWeight: 1,
        clusterNotFoundStatus: 503,
        timeoutMs: 15_000,
        retryPolicy: {
          retryOn: ['5xx', 'connect-failure'],
          numRetries: 1,
          retriableStatusCodes: [],
          perTryTimeoutMs: 0,
          backoffBaseMs: 25,
          backoffMaxMs: 250,
          avoidPreviousHosts: false,
          hostSelectionRetryMaxAttempts: 1,
        },
        priority: 'default',
      },
      unsupported: [],
      metadata: {},
      mutations: NO_MESSAGE_MUTATIONS,
    });
  });

  it('reads paths, direct responses and what is given', () => {
    const exact = firstRoute({
      match: { path: '/A', case_sensitive: false },
      route: { cluster: 'c', timeout: '0s', priority: 'HIGH', cluster_not_found_response_code: 'NOT_FOUND' },
    });
    assert.deepEqual(exact.path, { kind: 'path', value: '/A', caseSensitive: false });
    assert.ok(exact.action.kind === 'forward');
    assert.deepEqual(
      [exact.action.timeoutMs, exact.action.priority, exact.action.clusterNotFoundStatus],
      [0, 'high', 404],
    );
    const direct = firstRoute({ direct_response: { status: 502, body: { inline_string: 'no' } } });
    assert.deepEqual(direct.action, {
      kind: 'direct_response',
      status: 502,
      body: new TextEncoder().encode('no'),
      bodyFormat: null,
    });
    const streaming = firstRoute({ route: { cluster: 'c', max_stream_duration: { grpc_timeout_header_max: '0s' } } });
    assert.ok(streaming.action.kind === 'forward' && streaming.action.timeoutMs === 0);
    assert.deepEqual(streaming.unsupported, []);
  });

  it('tolerates what no call is decided by', () => {
    const found = firstRoute({
      route: {
        cluster: 'c',
        hash_policy: [{ header: { header_name: 'x' } }],
        max_grpc_timeout: '0s',
        request_mirror_policies: [{ cluster: 'm' }],
      },
      decorator: { operation: 'o' },
      stat_prefix: 's',
      typed_per_filter_config: { 'envoy.filters.http.fault': { '@type': `${HTTP}fault.v3.HTTPFault` } },
    });
    assert.deepEqual(found.unsupported, []);
  });

  it('names what it does not honour', () => {
    const custom = { name: 'x', typed_config: { '@type': 'type.googleapis.com/google.protobuf.Empty' } };
    const cases: [{ [key: string]: JsonValue }, string[]][] = [
      [
        { match: { prefix: '/', headers: [{ name: 'x', string_match: { custom } }] }, route: { cluster: 'c' } },
        ['match.headers[0].string_match.custom'],
      ],
      [{ non_forwarding_action: {} }, ['non_forwarding_action']],
      [
        { route: { cluster: 'c', retry_policy: { retry_on: '5xx', retriable_request_headers: [{ name: 'x' }] } } },
        ['route.retry_policy.retriable_request_headers'],
      ],
    ];
    for (const [json, expected] of cases) assert.deepEqual(firstRoute(json).unsupported, expected);
  });

  it('hands what a virtual host or the whole asks for to every route', () => {
    const config = decode('routeConfiguration', {
      name: 'r',
      vhds: { config_source: { ads: {} } },
      virtual_hosts: [
        {
          name: 'v',
          domains: ['A.Example'],
          require_tls: 'ALL',
          retry_policy: { retry_on: '5xx', retriable_headers: [{ name: 'x' }] },
          routes: [{ match: { prefix: '/' }, route: { cluster: 'c' } }],
        },
      ],
    });
    assert.deepEqual(config.virtualHosts[0]?.domains, ['a.example']);
    assert.deepEqual(config.virtualHosts[0]?.routes[0]?.unsupported, [
      'route_config.vhds',
      'virtual_host.require_tls',
      'virtual_host.retry_policy.retriable_headers',
    ]);
    assert.deepEqual(config.virtualHosts[1]?.domains, ['*']);
  });

  it('refuses what Envoy refuses', () => {
    const host = (domains: string[]) => ({ name: domains.join(), domains });
    const action = (json: { [key: string]: JsonValue }): JsonValue => ({
      name: 'r',
      virtual_hosts: [{ name: 'v', domains: ['*'], routes: [{ match: { prefix: '/' }, ...json }] }],
    });
    const weighted = (clusters: JsonValue) => action({ route: { weighted_clusters: { clusters } } });
    const cases: [string, JsonValue, RegExp][] = [
      [
        'a domain twice',
        { name: 'r', virtual_hosts: [host(['a']), host(['A'])] },
        /RouteConfiguration "r": virtual_hosts\[1\]\.domains\[0\]: duplicate entry of domain a/,
      ],
      ['no weight', weighted([{ name: 'c' }]), /clusters\[0\]\.weight: value is required/],
      [
        'weights of zero',
        weighted([{ name: 'c', weight: 0 }]),
        /weighted_clusters: the sum of the weights must be greater than 0/,
      ],
      [
        'weights too big',
        weighted([
          { name: 'c', weight: 4294967295 },
          { name: 'd', weight: 1 },
        ]),
        /exceeds 4294967295/,
      ],
      ['a nameless share', weighted([{ weight: 1 }]), /clusters\[0\]: exactly one of name and cluster_header/],
      [
        'backoff the wrong way',
        action({
          route: { cluster: 'c', retry_policy: { retry_back_off: { base_interval: '1s', max_interval: '0.5s' } } },
        }),
        /routes\[0\]\.route\.retry_policy\.retry_back_off\.max_interval: value must be greater/,
      ],
      [
        'a body too long',
        action({ direct_response: { status: 200, body: { inline_string: 'x'.repeat(4097) } } }),
        /direct_response\.body: size is 4097 bytes; maximum is 4096/,
      ],
      [
        'a pattern that is none',
        action({ match: { safe_regex: { regex: '/[a' } }, route: { cluster: 'c' } }),
        /routes\[0\]\.match\.safe_regex\.regex: error parsing regexp: missing closing \]/,
      ],
      [
        'a route without match',
        { name: 'r', virtual_hosts: [{ name: 'v', domains: ['*'], routes: [{ route: { cluster: 'c' } }] }] },
        /virtual_hosts\[0\]\.routes\[0\]\.match: value is required/,
      ],
    ];
    for (const [title, json, expected] of cases) assert.match(problemOf('routeConfiguration', json), expected, title);
  });
});

describe('decodeCluster', () => {
  it('fills in Envoy’s defaults', () => {
    assert.deepEqual(cluster({}), {
      name: 'c',
      statName: 'c',
      discovery: { kind: 'eds', serviceName: 'c' },
      lb: { kind: 'round_robin' },
      connectTimeoutMs: 5000,
      thresholds: { default: DEFAULT_THRESHOLDS, high: DEFAULT_THRESHOLDS },
      healthyPanicThreshold: 50,
      idleTimeoutMs: 3_600_000,
      reportsLoad: false,
      loadMetrics: [],
      pool: DEFAULT_POOL,
      transport: PLAIN_TRANSPORT,
      protocol: HTTP1_UPSTREAM,
      maxRequestsPerConnection: 0,
      maxResponseHeaderBytes: null,
      maxResponseHeaders: 100,
      unsupported: [],
      metadata: {},
    });
  });

  const endpoints = (address: string, count = 1): JsonValue => ({
    cluster_name: 'c',
    endpoints: [
      {
        lb_endpoints: Array.from({ length: count }, () => ({
          endpoint: { address: { socket_address: { address, port_value: 80 } } },
        })),
      },
    ],
  });
  const policy = (type: string, json: { [key: string]: JsonValue } = {}): JsonValue => ({
    typed_extension_config: {
      name: 'p',
      typed_config: { '@type': `${API}envoy.extensions.load_balancing_policies.${type}`, ...json },
    },
  });
  const custom: JsonValue = { typed_extension_config: { name: 'x', typed_config: { '@type': `${API}com.example.X` } } };
  const options = (json: { [key: string]: JsonValue }): { [key: string]: JsonValue } => {
    const name = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
    return { typed_extension_protocol_options: { [name]: { '@type': API + name, ...json } } };
  };

  it('reads where load is reported to, and what of', () => {
    const config = cluster({ lrs_server: { self: {} }, lrs_report_endpoint_metrics: ['eps', 'named_metrics.*'] });
    assert.equal(config.reportsLoad, true);
    assert.deepEqual(config.loadMetrics, ['eps', 'named_metrics.*']);
    assert.equal(cluster({ lrs_server: { ads: {} } }).reportsLoad, false);
  });

  it('reads types of discovery', () => {
    const strict = cluster({ type: 'STRICT_DNS', load_assignment: endpoints('reviews'), dns_refresh_rate: '60s' });
    assert.ok(strict.discovery.kind === 'strict_dns' && strict.discovery.refreshMs === 60_000);
    assert.deepEqual(strict.discovery.assignment.localities[0]?.endpoints[0]?.address, {
      kind: 'socket',
      host: 'reviews',
      port: 80,
    });
    assert.deepEqual(cluster({ type: 'LOGICAL_DNS', load_assignment: endpoints('10.0.0.1') }).unsupported, []);
    assert.deepEqual(cluster({ type: 'LOGICAL_DNS', load_assignment: endpoints('reviews') }).unsupported, [
      'type: LOGICAL_DNS',
    ]);
    const aggregate = { name: 'envoy.clusters.aggregate' };
    assert.deepEqual(
      decode('cluster', { name: 'c', lb_policy: 'CLUSTER_PROVIDED', cluster_type: aggregate }).unsupported,
      ['cluster_type: envoy.clusters.aggregate', 'lb_policy: CLUSTER_PROVIDED'],
    );
  });

  it('reads balancers, the first that Envoy has', () => {
    const of = (...policies: JsonValue[]) => {
      const { lb, unsupported } = cluster({ lb_policy: 'RANDOM', load_balancing_policy: { policies } });
      return unsupported.length > 0 ? unsupported : lb;
    };
    const least = { kind: 'least_request', choiceCount: 3, activeRequestBias: 1 };
    assert.deepEqual(of(custom, policy('least_request.v3.LeastRequest', { choice_count: 3 })), least);
    const child = { endpoint_picking_policy: { policies: [policy('round_robin.v3.RoundRobin')] } };
    assert.deepEqual(of(policy('wrr_locality.v3.WrrLocality', child)), { kind: 'round_robin' });
    assert.deepEqual(of(policy('random.v3.Random'), policy('round_robin.v3.RoundRobin')), [
      'load_balancing_policy: envoy.extensions.load_balancing_policies.random.v3.Random',
    ]);
    const settings = { choice_count: 5, active_request_bias: { default_value: 0.5, runtime_key: 'k' } };
    assert.deepEqual(cluster({ lb_policy: 'LEAST_REQUEST', least_request_lb_config: settings }).lb, {
      kind: 'least_request',
      choiceCount: 5,
      activeRequestBias: 0.5,
    });
    assert.deepEqual(cluster({ lb_policy: 'RING_HASH' }).unsupported, ['lb_policy: RING_HASH']);
  });

  it('reads limits', () => {
    const found = cluster({
      ...options({
        explicit_http_config: { http_protocol_options: {} },
        common_http_protocol_options: { idle_timeout: '0s', max_requests_per_connection: 7 },
      }),
      circuit_breakers: {
        thresholds: [
          { max_requests: 5, retry_budget: { budget_percent: { value: 25 } } },
          { max_requests: 6 },
          { priority: 'HIGH', max_connections: 1 },
        ],
      },
    });
    assert.deepEqual([found.idleTimeoutMs, found.maxRequestsPerConnection], [0, 7]);
    assert.equal(found.thresholds.default.maxRequests, 5);
    assert.deepEqual(found.thresholds.default.retryBudget, { budgetPercent: 25, minRetryConcurrency: 3 });
    assert.equal(found.thresholds.high.maxConnections, 1);
  });

  it('refuses what Envoy refuses', () => {
    const base = { name: 'c', type: 'EDS', eds_cluster_config: { eds_config: { ads: {} } } };
    const cases: [string, JsonValue, RegExp][] = [
      [
        'EDS without source',
        { name: 'c', type: 'EDS' },
        /Cluster "c": eds_cluster_config\.eds_config: an EDS cluster needs/,
      ],
      [
        'a name in a static cluster',
        { name: 'c', load_assignment: endpoints('reviews') },
        /load_assignment\.endpoints\[0\]\.lb_endpoints\[0\]\.endpoint\.address\.socket_address\.address: malformed IP address: reviews/,
      ],
      [
        'two logical names',
        { name: 'c', type: 'LOGICAL_DNS', load_assignment: endpoints('a', 2) },
        /load_assignment: LOGICAL_DNS clusters must have a single/,
      ],
      [
        'no known policy',
        { ...base, load_balancing_policy: { policies: [custom] } },
        /load_balancing_policy: has no policy that Envoy knows/,
      ],
      [
        'a broken rule inside',
        {
          ...base,
          load_balancing_policy: { policies: [policy('least_request.v3.LeastRequest', { choice_count: 1 })] },
        },
        /typed_config\.choice_count: value must be greater than or equal to 2/,
      ],
      [
        'a connect timeout of zero',
        { ...base, connect_timeout: '0s' },
        /connect_timeout: value must be greater than 0s/,
      ],
    ];
    for (const [title, json, expected] of cases) assert.match(problemOf('cluster', json), expected, title);
  });
});

describe('decodeLoadAssignment', () => {
  const address = (port: number): JsonValue => ({ address: { socket_address: { address: '::1', port_value: port } } });

  it('reads endpoints, localities and their defaults', () => {
    const found = decode('clusterLoadAssignment', {
      cluster_name: 'c',
      endpoints: [
        {
          priority: 3,
          lb_endpoints: [
            { endpoint: address(1) },
            { endpoint: address(1), health_status: 'DRAINING', load_balancing_weight: 4 },
          ],
        },
        {
          locality: { region: 'r', zone: 'z', sub_zone: 's' },
          load_balancing_weight: 9,
          lb_endpoints: [{ endpoint: { hostname: 'h', address: { pipe: { path: '/s' } } } }],
        },
      ],
    });
    const nowhere = { region: '', zone: '', subZone: '' };
    const first = { address: { kind: 'socket', host: '::1', port: 1 }, hostname: '', metadata: {} };
    assert.deepEqual(found, {
      name: 'c',
      overprovisioningFactor: 140,
      localities: [
        {
          locality: nowhere,
          priority: 3,
          weight: 0,
          endpoints: [
            { ...first, health: 'unknown', weight: 1 },
            { ...first, health: 'draining', weight: 4 },
          ],
        },
        {
          locality: { region: 'r', zone: 'z', subZone: 's' },
          priority: 0,
          weight: 9,
          endpoints: [
            { address: { kind: 'pipe', path: '/s' }, hostname: 'h', health: 'unknown', weight: 1, metadata: {} },
          ],
        },
      ],
    });
    assert.deepEqual(decode('clusterLoadAssignment', { cluster_name: 'c' }).localities, []);
  });

  it('refuses what Envoy refuses', () => {
    const one = (json: { [key: string]: JsonValue }): JsonValue => ({
      cluster_name: 'c',
      endpoints: [{ lb_endpoints: [json] }],
    });
    const named = { address: { socket_address: { address: '10.0.0.1', named_port: 'http' } } };
    assert.match(
      problemOf('clusterLoadAssignment', one({ endpoint: address(1), load_balancing_weight: 0 })),
      /"c": endpoints\[0\]\.lb_endpoints\[0\]\.load_balancing_weight: value must be greater/,
    );
    assert.match(problemOf('clusterLoadAssignment', one({ endpoint: named })), /named_port: ports need a number/);
    assert.match(problemOf('clusterLoadAssignment', {}), /cluster_name: value length/);
  });
});
