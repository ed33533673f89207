import assert from 'node:assert/strict';
import type { JsonObject } from '@bufbuild/protobuf';
import { decodeJson, refusalOf } from '../testing/decode-json.ts';

const PROXY = 'envoy.http11_proxy_transport_socket.proxy_address';
const at = (host: string, port: number): JsonObject => ({ socket_address: { address: host, port_value: port } });
const typed = (type: string, value: JsonObject): JsonObject => ({
  typed_filter_metadata: { [PROXY]: { '@type': `type.googleapis.com/${type}`, ...value } },
});
const address = { address: at('10.0.0.1', 80) };
const assignment = (host: JsonObject): JsonObject => ({ cluster_name: 'c', endpoints: [{ lb_endpoints: [host] }] });
const host = (json: JsonObject) => decodeJson('clusterLoadAssignment', assignment(json)).localities[0]?.endpoints[0];

describe('the ways to a host', () => {
  it('are none but its address where the feed says no more', () => {
    const found = host({ endpoint: address });
    assert.ok(found);
    assert.equal('additionalAddresses' in found || 'proxyAddress' in found, false);
  });

  it('are its other addresses', () => {
    const more = [
      { address: at('fd00::1', 80) },
      { address: { envoy_internal_address: { server_listener_name: 'x' } } },
    ];
    const found = host({ endpoint: { ...address, additional_addresses: more } });
    assert.deepEqual(found?.additionalAddresses, [{ kind: 'socket', host: 'fd00::1', port: 80 }]);
    const named = assignment({ endpoint: { ...address, additional_addresses: [{ address: at('a.example', 80) }] } });
    assert.match(
      refusalOf('clusterLoadAssignment', named),
      /additional_addresses\[0\]\.address\.socket_address\.address: malformed IP address: a\.example/,
    );
  });

  it('lead over its HTTP proxy', () => {
    const found = host({ endpoint: address, metadata: typed('envoy.config.core.v3.Address', at('10.0.0.9', 3128)) });
    assert.deepEqual(found?.proxyAddress, { kind: 'socket', host: '10.0.0.9', port: 3128 });
  });

  it('do not lead around a proxy that cannot be read', () => {
    for (const metadata of [
      typed('envoy.config.core.v3.SocketAddress', { address: '10.0.0.9', port_value: 3128 }),
      typed('envoy.config.core.v3.Address', at('proxy.example', 3128)),
      typed('envoy.config.core.v3.Address', { envoy_internal_address: { server_listener_name: 'x' } }),
    ]) {
      assert.match(
        refusalOf('clusterLoadAssignment', assignment({ endpoint: address, metadata })),
        /lb_endpoints\[0\]\.metadata\.typed_filter_metadata/,
      );
    }
  });
});
