import assert from 'node:assert/strict';
import type { JsonObject } from '@bufbuild/protobuf';
import { DEFAULT_HTTP2, DEFAULT_POOL, DEFAULT_THRESHOLDS, HTTP1_UPSTREAM } from '@inmesh/core';
import { decodeJson, refusalOf } from '../../testing/decode-json.ts';

const OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
const base = { name: 'c', type: 'EDS', eds_cluster_config: { eds_config: { ads: {} } } };
const cluster = (json: JsonObject) => decodeJson('cluster', { ...base, ...json });
const refused = (json: JsonObject) => refusalOf('cluster', { ...base, ...json });
const options = (json: JsonObject): JsonObject => ({
  typed_extension_protocol_options: { [OPTIONS]: { '@type': `type.googleapis.com/${OPTIONS}`, ...json } },
});
const tls = {
  name: 't',
  typed_config: { '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext' },
};
const http1 = { explicit_http_config: { http_protocol_options: {} } };

describe('the protocol towards a host', () => {
  it('is HTTP/1 where the feed says nothing', () => assert.deepEqual(cluster({}).protocol, HTTP1_UPSTREAM));

  it('is said by the feed, left to ALPN, or the caller’s', () => {
    const choice = (json: JsonObject) => cluster({ ...options(json), transport_socket: tls }).protocol.choice;
    assert.equal(choice(http1), 'http1');
    assert.equal(choice({ explicit_http_config: { http2_protocol_options: {} } }), 'http2');
    assert.equal(choice({ auto_config: {} }), 'auto');
    assert.equal(choice({ use_downstream_protocol_config: {} }), 'downstream');
  });

  it('is said by fields that HttpProtocolOptions replaced', () => {
    assert.equal(cluster({ http2_protocol_options: {} }).protocol.choice, 'http2');
    assert.equal(cluster({ protocol_selection: 'USE_DOWNSTREAM_PROTOCOL' }).protocol.choice, 'downstream');
    const both = { http_protocol_options: {}, http2_protocol_options: {} };
    assert.equal(cluster({ ...both, protocol_selection: 'USE_DOWNSTREAM_PROTOCOL' }).protocol.choice, 'downstream');
    assert.match(refused(both), /Both HTTP1 and HTTP2 options/);
    assert.equal(cluster({ ...both, ...options(http1) }).protocol.choice, 'http1');
  });

  it('has settings of HTTP/2', () => {
    const http2 = {
      max_concurrent_streams: 7,
      initial_stream_window_size: 65_536,
      initial_connection_window_size: 1_048_576,
      allow_connect: true,
      override_stream_error_on_invalid_http_message: true,
      connection_keepalive: { interval: '30s', timeout: '5s', connection_idle_interval: '10s' },
    };
    const expected = {
      maxConcurrentStreams: 7,
      initialStreamWindowSize: 65_536,
      initialConnectionWindowSize: 1_048_576,
      keepalive: { intervalMs: 30_000, timeoutMs: 5000, intervalJitterPercent: 15, connectionIdleIntervalMs: 10_000 },
      allowConnect: true,
      streamErrorOnInvalidMessage: true,
    };
    for (const place of ['explicit_http_config', 'use_downstream_protocol_config', 'auto_config']) {
      const { protocol } = cluster({
        ...options({ [place]: { http2_protocol_options: http2 } }),
        transport_socket: tls,
      });
      assert.deepEqual(protocol.http2, expected, place);
    }
    assert.deepEqual(cluster({ http2_protocol_options: {} }).protocol.http2, DEFAULT_HTTP2);
  });

  it('tells server names by the request', () => {
    const upstream_http_protocol_options = {
      auto_sni: true,
      auto_san_validation: true,
      override_auto_sni_header: 'X-Name',
    };
    const expected = { autoSni: true, autoSanValidation: true, overrideAutoSniHeader: 'x-name' };
    const of = (json: JsonObject) => {
      const { autoSni, autoSanValidation, overrideAutoSniHeader } = cluster(json).protocol;
      return { autoSni, autoSanValidation, overrideAutoSniHeader };
    };
    assert.deepEqual(of(options({ ...http1, upstream_http_protocol_options })), expected);
    assert.deepEqual(of({ upstream_http_protocol_options }), expected);
  });

  it('leaves HTTP/3 out where there is a choice, and refuses it where there is none', () => {
    const auto = {
      http3_protocol_options: {},
      alternate_protocols_cache_options: { name: 'cache' },
    };
    assert.deepEqual(cluster({ ...options({ auto_config: auto }), transport_socket: tls }).protocol.choice, 'auto');
    const only = cluster(options({ explicit_http_config: { http3_protocol_options: {} } }));
    assert.ok(only.unsupported.some((field) => field.endsWith('explicit_http_config.http3_protocol_options')));
  });

  it('is refused by name where the request line would be another', () => {
    const http_protocol_options = { send_fully_qualified_url: true };
    const explicit = cluster(options({ explicit_http_config: { http_protocol_options } }));
    assert.ok(explicit.unsupported.some((field) => field.endsWith('http_protocol_options.send_fully_qualified_url')));
    assert.deepEqual(cluster({ http_protocol_options }).unsupported, [
      'http_protocol_options.send_fully_qualified_url',
    ]);
  });

  it('cannot be left to ALPN without TLS', () => {
    assert.match(refused(options({ auto_config: {} })), /Cluster "c": transport_socket: ALPN configured/);
    const matches = [{ name: 'a', match: {} }];
    assert.match(
      refused({ ...options({ auto_config: {} }), transport_socket: tls, transport_socket_matches: matches }),
      /transport_socket_matches\[0\]\.transport_socket: ALPN configured/,
    );
  });

  it('cannot have header fields larger than all headers together', () => {
    const http2_protocol_options = { max_header_field_size_kb: 65 };
    const json = {
      explicit_http_config: { http2_protocol_options },
      common_http_protocol_options: { max_response_headers_kb: 64 },
    };
    assert.match(refused(options(json)), /max_header_field_size_kb must not exceed max_response_headers_kb/);
  });
});

describe('connection pools', () => {
  it('are as Envoy’s where the feed says nothing', () => {
    assert.deepEqual(cluster({}).pool, DEFAULT_POOL);
    assert.deepEqual(cluster({}).thresholds, { default: DEFAULT_THRESHOLDS, high: DEFAULT_THRESHOLDS });
  });

  it('read how connections are opened and kept', () => {
    const { pool } = cluster({
      ...options({ ...http1, common_http_protocol_options: { max_connection_duration: '90s' } }),
      preconnect_policy: { per_upstream_preconnect_ratio: 1.5, predictive_preconnect_ratio: 2 },
      upstream_connection_options: {
        tcp_keepalive: { keepalive_time: 60, keepalive_probes: 3 },
        happy_eyeballs_config: { first_address_family_version: 'V6', first_address_family_count: 2 },
      },
      upstream_bind_config: {
        source_address: { address: '127.0.0.2', port_value: 0 },
        extra_source_addresses: [{ address: { address: '::1', port_value: 7 } }],
      },
      common_lb_config: { close_connections_on_host_set_change: true },
    });
    assert.deepEqual(pool, {
      maxConnectionDurationMs: 90_000,
      preconnect: { perUpstreamRatio: 1.5, predictiveRatio: 2 },
      tcpKeepalive: { probes: 3, timeMs: 60_000, intervalMs: null },
      bind: { host: '127.0.0.2', port: 0, extra: [{ host: '::1', port: 7 }] },
      happyEyeballs: { firstFamily: 'v6', firstFamilyCount: 2 },
      closeOnHostSetChange: true,
    });
    const plain = cluster({ upstream_connection_options: { happy_eyeballs_config: {} } }).pool.happyEyeballs;
    assert.deepEqual(plain, { firstFamily: null, firstFamilyCount: 1 });
  });

  it('read limits of pools, of hosts, and whether to tell what is left', () => {
    const { thresholds } = cluster({
      circuit_breakers: {
        thresholds: [{ max_connection_pools: 4, track_remaining: true }],
        per_host_thresholds: [{ max_connections: 2 }, { priority: 'HIGH', max_connections: 3 }],
      },
    });
    assert.deepEqual(thresholds, {
      default: { ...DEFAULT_THRESHOLDS, maxConnectionPools: 4, trackRemaining: true, maxConnectionsPerHost: 2 },
      high: { ...DEFAULT_THRESHOLDS, maxConnectionsPerHost: 3 },
    });
  });

  const source = (address: string) => ({ address, port_value: 0 });
  for (const [what, json, expected] of [
    [
      'other limits for each host',
      { circuit_breakers: { per_host_thresholds: [{ max_requests: 1 }] } },
      /per_host_thresholds\[0\]\.max_requests: Unsupported field in per_host_thresholds/,
    ],
    [
      'a number of requests in two places',
      {
        ...options({ ...http1, common_http_protocol_options: { max_requests_per_connection: 1 } }),
        max_requests_per_connection: 2,
      },
      /Only one of max_requests_per_connection/,
    ],
    ['a name to come from', { upstream_bind_config: { source_address: source('a.b') } }, /malformed IP address: a\.b/],
    [
      'more addresses to come from, and no first one',
      { upstream_bind_config: { extra_source_addresses: [{ address: source('::1') }] } },
      /no source_address/,
    ],
    [
      'two addresses of one family to come from',
      {
        upstream_bind_config: {
          source_address: source('127.0.0.1'),
          extra_source_addresses: [{ address: source('127.0.0.2') }],
        },
      },
      /two same IP version source addresses/,
    ],
  ] as const) {
    it(`are no configuration with ${what}`, () => assert.match(refused(json as JsonObject), expected));
  }

  it('are refused by name with what this version cannot do', () => {
    const upstream_bind_config = {
      source_address: source('127.0.0.1'),
      socket_options: [{ level: 1, name: 2, int_value: 3 }],
    };
    assert.deepEqual(cluster({ upstream_bind_config }).unsupported, ['upstream_bind_config.socket_options']);
  });
});
