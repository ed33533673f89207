import assert from 'node:assert/strict';
import type { JsonObject } from '@bufbuild/protobuf';
import { ANY_CONNECTION, TCP_PROXY_DEFAULTS } from '@inmesh/core';
import { decodeJson, refusalOf } from '../testing/decode-json.ts';

const FILTERS = 'type.googleapis.com/envoy.extensions.filters.network';
const proxy = (json: JsonObject): JsonObject => ({
  name: 'envoy.filters.network.tcp_proxy',
  typed_config: { '@type': `${FILTERS}.tcp_proxy.v3.TcpProxy`, stat_prefix: 's', ...json },
});
const listener = (...chains: JsonObject[]): JsonObject => ({
  name: 'l',
  address: { socket_address: { address: '0.0.0.0', port_value: 5432 } },
  filter_chains: chains,
});
const chainOf = (chain: JsonObject) => decodeJson('listener', listener(chain)).chains[0];
const tcpOf = (...filters: JsonObject[]) => chainOf({ filters })?.tcp;

describe('a TCP proxy of the feed', () => {
  it('has Envoy’s defaults', () => {
    const expected = { ...TCP_PROXY_DEFAULTS, statPrefix: 's', clusters: [{ name: 'db', weight: 1 }] };
    assert.deepEqual(tcpOf(proxy({ cluster: 'db' })), expected);
  });

  it('has clusters with weights, times and attempts', () => {
    const found = tcpOf(
      proxy({
        weighted_clusters: {
          clusters: [
            { name: 'a', weight: 1 },
            { name: 'b', weight: 3 },
          ],
        },
        idle_timeout: '0s',
        max_connect_attempts: 3,
        backoff_options: { base_interval: '0.1s' },
        max_downstream_connection_duration: '60s',
        max_downstream_connection_duration_jitter_percentage: { value: 10 },
        hash_policy: [{ source_ip: {} }],
        access_log: [],
      }),
    );
    assert.deepEqual(found, {
      statPrefix: 's',
      clusters: [
        { name: 'a', weight: 1 },
        { name: 'b', weight: 3 },
      ],
      idleTimeoutMs: 0,
      maxConnectAttempts: 3,
      backoff: { baseMs: 100, maxMs: 1_000 },
      maxDurationMs: 60_000,
      maxDurationJitterPercent: 10,
      unsupported: [],
    });
    const backoff = { base_interval: '1s', max_interval: '2s' };
    assert.deepEqual(tcpOf(proxy({ cluster: 'db', backoff_options: backoff }))?.backoff, {
      baseMs: 1_000,
      maxMs: 2_000,
    });
  });

  it('names what cannot be done and must not be left out', () => {
    const found = tcpOf(
      { name: 'rbac', typed_config: { '@type': `${FILTERS}.rbac.v3.RBAC`, stat_prefix: 'r' } },
      { name: 'found', config_discovery: { config_source: { ads: {} }, type_urls: ['x'] } },
      proxy({ cluster: 'db', tunneling_config: { hostname: 'h:1' }, on_demand: {} }),
    );
    assert.deepEqual(found?.unsupported, [
      'filters[0] (rbac)',
      'filters[1] (found)',
      'tcp_proxy.on_demand',
      'tcp_proxy.tunneling_config',
    ]);
  });

  it('leaves out what only watches', () => {
    const typed = (type: string): JsonObject => ({
      '@type': 'type.googleapis.com/udpa.type.v1.TypedStruct',
      type_url: `type.googleapis.com/${type}`,
      value: {},
    });
    const found = tcpOf(
      { name: 'istio.metadata_exchange', typed_config: typed('envoy.tcp.metadataexchange.config.MetadataExchange') },
      { name: 'istio.stats', typed_config: typed('stats.PluginConfig') },
      proxy({ cluster: 'db' }),
    );
    assert.deepEqual(found?.unsupported, []);
  });

  it('is refused where Envoy’s rules are broken', () => {
    const broken = (json: JsonObject) => refusalOf('listener', listener({ filters: [proxy(json)] }));
    assert.match(broken({}), /cluster_specifier/);
    assert.match(broken({ weighted_clusters: { clusters: [] } }), /weighted_clusters\.clusters/);
    assert.match(broken({ cluster: 'db', max_connect_attempts: 0 }), /max_connect_attempts/);
  });
});

describe('the match of a filter chain', () => {
  const filters = [proxy({ cluster: 'db' })];

  it('takes every connection where it says nothing', () => {
    assert.equal(chainOf({ filters })?.match, ANY_CONNECTION);
    const { chains } = decodeJson('listener', { ...listener({ filters }), default_filter_chain: { filters } });
    assert.deepEqual(
      chains.map(({ isDefault = false }) => isDefault),
      [false, true],
    );
  });

  it('asks for destinations, names and protocols', () => {
    const match = {
      destination_port: 5432,
      prefix_ranges: [{ address_prefix: '10.0.0.0', prefix_len: 8 }],
      server_names: ['A.example'],
      transport_protocol: 'tls',
      application_protocols: ['h2'],
    };
    assert.deepEqual(chainOf({ filter_chain_match: match, filters })?.match, {
      prefixRanges: [{ address: '10.0.0.0', length: 8 }],
      serverNames: ['a.example'],
      transportProtocol: 'tls',
      applicationProtocols: ['h2'],
      bySource: false,
    });
    for (const bySource of [{ source_type: 'EXTERNAL' }, { source_ports: [1] }, { address_suffix: 'x' }]) {
      assert.equal(chainOf({ filter_chain_match: bySource, filters })?.match.bySource, true);
    }
  });
});
