import assert from 'node:assert/strict';
import { type JsonObject, toBinary } from '@bufbuild/protobuf';
import { fromJson, messageType } from '@inmesh/api';
import { VirtualClock } from '@inmesh/core';
import { FeedStore } from './feed-store.ts';
import { MemoryFiles } from './memory-files.test.ts';
import { holdsSecrets } from './secrets.ts';
import { holdsSecretsInSteps } from './secrets-in-steps.ts';

const tls = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext';

function holds(typeName: string, json: JsonObject): boolean {
  return holdsSecrets(typeName, bytesOf(typeName, json));
}

function bytesOf(typeName: string, json: JsonObject): Uint8Array {
  const type = messageType(typeName);
  return toBinary(type, fromJson(type, json));
}

function cluster(commonTls: JsonObject): JsonObject {
  return {
    name: 'a',
    transport_socket: { name: 'tls', typed_config: { '@type': tls, common_tls_context: commonTls } },
  };
}

function listener(filter: JsonObject): JsonObject {
  const hcm = 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
  return { name: 'a', api_listener: { api_listener: { '@type': hcm, http_filters: [filter] } } };
}

const clusterType = 'envoy.config.cluster.v3.Cluster';
const listenerType = 'envoy.config.listener.v3.Listener';
const routesType = 'envoy.config.route.v3.RouteConfiguration';

describe('secrets in resources', () => {
  it('finds keys and passwords inline, however deep', () => {
    const key = { certificate_chain: { inline_string: 'x' }, private_key: { inline_string: 'x' } };
    assert.equal(holds(clusterType, cluster({ tls_certificates: [key] })), true);
    assert.equal(
      holds(clusterType, cluster({ tls_certificates: [{ ...key, private_key: { inline_bytes: 'AA==' } }] })),
      true,
    );
    const users = 'type.googleapis.com/envoy.extensions.filters.http.basic_auth.v3.BasicAuth';
    const basic = { name: 'b', typed_config: { '@type': users, users: { inline_string: 'joe:{SHA}x' } } };
    assert.equal(holds(listenerType, listener(basic)), true);
    const route = (name: string) => ({
      name: 'r',
      virtual_hosts: [
        {
          name: 'v',
          domains: ['*'],
          request_headers_to_add: [{ header: { key: name, value: 'Bearer x' } }],
        },
      ],
    });
    assert.deepEqual([holds(routesType, route('Authorization')), holds(routesType, route('x-team'))], [true, false]);
  });

  it('takes names of files, of environment variables and of SDS secrets for what they are', () => {
    const sds = { name: 'default', sds_config: { ads: {} } };
    assert.equal(holds(clusterType, cluster({ tls_certificate_sds_secret_configs: [sds] })), false);
    const file = { private_key: { filename: '/etc/key.pem' }, certificate_chain: { filename: '/etc/cert.pem' } };
    assert.equal(holds(clusterType, cluster({ tls_certificates: [file] })), false);
  });

  it('keeps what it cannot look into only where it does not speak of secrets', () => {
    const struct = (value: JsonObject) => ({
      name: 'x',
      typed_config: {
        '@type': 'type.googleapis.com/xds.type.v3.TypedStruct',
        type_url: 'type.googleapis.com/example.Filter',
        value,
      },
    });
    assert.equal(holds(listenerType, listener(struct({ client_secret: 'x' }))), true);
    assert.equal(holds(listenerType, listener(struct({ token_bucket: { max_tokens: 5, tokens_per_fill: 1 } }))), false);
    assert.equal(holds(listenerType, listener(struct({ metrics: ['a'] }))), false);
  });

  it('keeps the metadata of ordinary clusters and endpoints', () => {
    const metadata = { filter_metadata: { istio: { services: [{ name: 'token-service' }] } } };
    assert.equal(holds(clusterType, { name: 'a', metadata }), false);
    const endpoints = 'envoy.config.endpoint.v3.ClusterLoadAssignment';
    assert.equal(holds(endpoints, { cluster_name: 'a' }), false);
    const pem = `-----BEGIN ${'PRIVATE'} KEY-----`;
    assert.equal(holds(endpoints, { cluster_name: pem }), true);
  });

  it('are found in many routes, a host at a time', () => {
    const host = (index: number, header: string) => ({
      name: `v${index}`,
      domains: [`service-${index}.default.svc.cluster.local`],
      routes: [{ match: { prefix: '/' }, route: { cluster: `outbound|80||service-${index}` } }],
      request_headers_to_add: [{ header: { key: header, value: 'x' } }],
    });
    const look = (header: string, more: JsonObject = {}) => {
      const hosts = Array.from({ length: 500 }, (_, index) => host(index, index === 250 ? header : 'x-team'));
      const work = holdsSecretsInSteps(routesType, bytesOf(routesType, { name: 'r', virtual_hosts: hosts, ...more }));
      let steps = 0;
      for (let made = work.next(); ; made = work.next(), steps++) if (made.done === true) return [made.value, steps];
    };
    assert.deepEqual(look('x-team'), [false, 500]);
    assert.deepEqual(look('authorization'), [true, 250]);
    const ownHeaders = { request_headers_to_add: [{ header: { key: 'cookie', value: 'x' } }] };
    assert.deepEqual(look('x-team', ownHeaders), [true, 500]);
  });

  it('stay out of the file, and a resource that gets one leaves it', () => {
    const files = new MemoryFiles();
    const store = () =>
      new FeedStore({
        files,
        node: { id: 'n', cluster: '', locality: { region: '', zone: '', subZone: '' }, metadata: {} },
        serverUris: ['xds.test:1'],
        clock: new VirtualClock(),
        onWarning: (warning) => assert.fail(warning),
      });
    const plain = bytesOf(clusterType, { name: 'a' });
    const first = store();
    first.keep('cluster', 'a', { version: '1', bytes: plain });
    first.keep('cluster', 'b', { version: '1', bytes: plain });
    first.close();
    const second = store();
    const key = { private_key: { inline_string: 'hush' } };
    second.keep('cluster', 'a', { version: '2', bytes: bytesOf(clusterType, cluster({ tls_certificates: [key] })) });
    second.close();
    const stored = files.text.split('\n').flatMap((line) => {
      const bytes = line.startsWith('{') ? JSON.parse(line).resource?.bytes : undefined;
      return bytes === undefined ? [] : [Buffer.from(bytes, 'base64').toString()];
    });
    assert.equal(stored.length, 1);
    assert.equal(stored.join().includes('hush'), false);
    assert.deepEqual([store().recall('cluster', 'a'), store().recall('cluster', 'b')?.version], [null, '1']);
  });
});
