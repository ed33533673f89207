import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { JsonObject } from '@bufbuild/protobuf';
import { isMeshError, type Kind, type MeshError } from '@inmesh/core';
import type { Bootstrap } from './bootstrap.ts';
import { type LoadBootstrapOptions, loadBootstrap } from './load-bootstrap.ts';

/** Loads with nothing in the environment and no files but those given. */
function load(options: Partial<LoadBootstrapOptions>, files: { readonly [path: string]: string } = {}): Bootstrap {
  const readFile = (path: string): string => {
    const text = files[path];
    if (text === undefined) throw Object.assign(new Error(`ENOENT: no such file, open '${path}'`), { code: 'ENOENT' });
    return text;
  };
  return loadBootstrap({ env: {}, readFile, ...options });
}

const grpc = '{"xds_servers": [{"server_uri": "grpc:1", "channel_creds": [{"type": "insecure"}]}]}';

const mesh = `
node: { id: n1, cluster: shop, locality: { region: r, zone: z } }
dynamic_resources:
  lds_config: { ads: {} }
  cds_config: { ads: {}, resource_api_version: V3 }
  ads_config:
    api_type: DELTA_GRPC
    transport_api_version: V3
    grpc_services:
    - envoy_grpc: { cluster_name: xds }
      initial_metadata: [{ key: x-token, value: secret }]
static_resources:
  listeners:
  - name: reviews:80
    api_listener:
      api_listener:
        "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
        stat_prefix: reviews
        route_config:
          name: reviews
          virtual_hosts:
          - name: all
            domains: ['*']
            routes: [{ match: { prefix: / }, route: { cluster: reviews } }]
        http_filters:
        - name: envoy.filters.http.router
          typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
  clusters:
  - name: reviews
    type: STRICT_DNS
    load_assignment:
      cluster_name: reviews
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: reviews, port_value: 80 } } } }] }]
  - name: xds
    type: STRICT_DNS
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config:
          http2_protocol_options: { connection_keepalive: { interval: 30s, timeout: 5s } }
    transport_socket:
      name: envoy.transport_sockets.tls
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
        sni: istiod.istio-system.svc
        common_tls_context:
          tls_certificates: [{ certificate_chain: { filename: /c.pem }, private_key: { inline_string: KEY } }]
          validation_context:
            trusted_ca: { filename: /root.pem }
            match_typed_subject_alt_names: [{ san_type: DNS, matcher: { exact: istiod.istio-system.svc } }]
    load_assignment:
      cluster_name: xds
      endpoints:
      - lb_endpoints:
        - { endpoint: { address: { socket_address: { address: istiod, port_value: 15012 } } } }
        - { endpoint: { address: { pipe: { path: /run/xds.sock } } } }
        - { endpoint: { address: { pipe: { path: etc/XDS } } } }
admin: { address: { socket_address: { address: 127.0.0.1, port_value: 9901 } } }
layered_runtime: { layers: [{ name: static, static_layer: {} }] }
overload_manager: {}
inmesh:
  domains: ['*.corp', shop]
  outside_mesh: refuse
`;

describe('loadBootstrap', () => {
  it('takes code before GRPC_XDS_BOOTSTRAP, GRPC_XDS_BOOTSTRAP_CONFIG, INMESH_BOOTSTRAP and ./inmesh.yaml', () => {
    const files = { g: grpc, i: mesh, 'inmesh.yaml': 'node: { id: file }' };
    const all = { GRPC_XDS_BOOTSTRAP: 'g', GRPC_XDS_BOOTSTRAP_CONFIG: grpc, INMESH_BOOTSTRAP: 'i' };
    const origin = (options: Partial<LoadBootstrapOptions>): string => load(options, files).origin;
    assert.equal(origin({ env: all, path: 'i' }), 'i');
    assert.equal(origin({ env: all, inline: { node: { id: 'x' } } }), 'bootstrap in code');
    assert.equal(origin({ env: all }), 'g');
    assert.equal(origin({ env: { ...all, GRPC_XDS_BOOTSTRAP: '' } }), 'GRPC_XDS_BOOTSTRAP_CONFIG');
    assert.equal(origin({ env: { INMESH_BOOTSTRAP: 'i' } }), 'i');
    assert.equal(origin({}), 'inmesh.yaml');
    assert.equal(load({ env: { INMESH_BOOTSTRAP: 'g' } }, files).format, 'grpc');
  });

  it('puts options over the file, and does without one', () => {
    const options = { node: { id: 'code' }, meshDomains: ['a'], outsideMesh: 'passThrough' } as const;
    const over = load({ path: 'i', options }, { i: mesh });
    assert.deepEqual([over.node.id, over.node.cluster, over.outsideMesh], ['code', 'shop', 'passThrough']);
    assert.deepEqual(over.meshDomains, ['*.corp', 'shop', 'a']);
    const alone = load({ options: { servers: [{ uri: 'xds:1', delta: true }] } });
    assert.deepEqual([alone.format, alone.dynamic], ['code', { listeners: true, clusters: true }]);
    assert.deepEqual(alone.servers, [
      {
        uri: 'xds:1',
        credentials: { kind: 'insecure' },
        features: [],
        initialMetadata: [],
        keepalive: { intervalMs: 300_000, timeoutMs: 20_000 },
        delta: true,
        callCredentials: [],
      },
    ]);
  });

  it('reads an Envoy bootstrap whole', () => {
    const bootstrap = load({ path: 'mesh.yaml' }, { 'mesh.yaml': mesh });
    assert.deepEqual(bootstrap.node, {
      id: 'n1',
      cluster: 'shop',
      locality: { region: 'r', zone: 'z', subZone: '' },
      metadata: {},
    });
    assert.deepEqual(
      bootstrap.servers.map((server) => server.uri),
      ['istiod:15012', 'unix:///run/xds.sock', 'unix:etc/XDS'],
    );
    assert.deepEqual(bootstrap.servers[0], {
      uri: 'istiod:15012',
      credentials: {
        kind: 'tls',
        caFile: '/root.pem',
        certFile: '/c.pem',
        key: 'KEY',
        serverName: 'istiod.istio-system.svc',
        subjectAltNames: [
          { sanType: 'dns', oid: '', match: 'exact', value: 'istiod.istio-system.svc', ignoreCase: false },
        ],
      },
      features: [],
      initialMetadata: [['x-token', 'secret']],
      keepalive: { intervalMs: 30_000, timeoutMs: 5_000 },
      delta: true,
      callCredentials: [],
    });
    assert.deepEqual(bootstrap.dynamic, { listeners: true, clusters: true });
    assert.deepEqual(bootstrap.admin, { kind: 'socket', host: '127.0.0.1', port: 9901 });
    assert.deepEqual([bootstrap.meshDomains, bootstrap.outsideMesh], [['*.corp', 'shop'], 'refuse']);
    assert.deepEqual(
      bootstrap.staticClusters.map((each) => each.name),
      ['reviews', 'xds'],
    );
    assert.deepEqual(bootstrap.runtimeLayers, [
      { kind: 'static', name: 'static', layer: { name: 'static', values: new Map() } },
    ]);
    assert.deepEqual(bootstrap.warnings, [
      'mesh.yaml:60: overload_manager steers an Envoy process and has no effect here',
    ]);
  });

  it('serves static resources as a source, and says what is not there', () => {
    const source = load({ path: 'm' }, { m: mesh }).staticSource;
    assert.ok(source);
    const heard = (kind: Kind, name: string): string => {
      let said = 'nothing';
      source.watch(kind, name, {
        changed: (value) => {
          said = value.name;
        },
        resourceError: (error: MeshError) => {
          said = error.code;
        },
        ambientError: () => assert.fail(),
      })();
      return said;
    };
    assert.equal(heard('listener', 'reviews:80'), 'reviews:80');
    assert.equal(heard('cluster', 'reviews'), 'reviews');
    assert.equal(heard('cluster', 'x'), 'no_cluster');
    assert.equal(heard('routeConfiguration', 'x'), 'no_route');
    assert.equal(load({ inline: { node: { id: 'n' } } }).staticSource, null);
  });

  it('reads google_grpc, camelCase names and types that the API does not have', () => {
    const bootstrap = load({
      inline: {
        node: { id: 'n' },
        dynamicResources: {
          cdsConfig: { ads: {} },
          adsConfig: {
            apiType: 'GRPC',
            grpcServices: [
              {
                googleGrpc: {
                  targetUri: 'dns:///td:443',
                  statPrefix: 's',
                  channelCredentials: { sslCredentials: { rootCerts: { filename: '/r' } } },
                },
              },
            ],
          },
        },
        staticResources: {
          clusters: [
            { name: 'c', filters: [{ name: 'f', typedConfig: { '@type': 'type.googleapis.com/no.Such', a: 1 } }] },
          ],
        },
      },
    });
    assert.equal(bootstrap.servers[0]?.uri, 'dns:///td:443');
    assert.deepEqual(bootstrap.servers[0]?.credentials, { kind: 'tls', caFile: '/r' });
    assert.deepEqual(bootstrap.dynamic, { listeners: false, clusters: true });
    assert.deepEqual(bootstrap.staticClusters[0]?.unsupported, ['filters[0]']);
  });

  it('reads who is told of the load, and warns of the rest of the cluster manager', () => {
    const config = (service: JsonObject): JsonObject => ({
      node: { id: 'n' },
      cluster_manager: {
        local_cluster_name: 'me',
        load_stats_config: { api_type: 'GRPC', transport_api_version: 'V3', grpc_services: [service] },
      },
    });
    const google = { google_grpc: { target_uri: 'lrs:443', stat_prefix: 's' } };
    const bootstrap = load({ inline: config(google) });
    assert.equal(bootstrap.loadReportServer?.uri, 'lrs:443');
    assert.deepEqual(bootstrap.servers, []);
    assert.match(bootstrap.warnings.join(), /cluster_manager\.local_cluster_name steers an Envoy process/);
    assert.equal(load({ inline: { node: { id: 'n' } } }).loadReportServer, null);
    assert.throws(
      () => load({ inline: config({ envoy_grpc: { cluster_name: 'gone' } }) }),
      /load_stats_config\.grpc_services\[0\]\.envoy_grpc\.cluster_name: cluster "gone" is not defined/,
    );
  });

  it('reads what Consul writes', () => {
    const text = readFileSync(new URL('../../test-fixtures/consul-bootstrap.json', import.meta.url), 'utf8');
    const bootstrap = load({ path: 'c' }, { c: text });
    assert.equal(bootstrap.node.id, 'web-sidecar-proxy');
    assert.deepEqual(
      bootstrap.servers.map((server) => [server.uri, server.delta, server.credentials, server.initialMetadata]),
      [['127.0.0.1:8502', true, { kind: 'insecure' }, [['x-consul-token', '']]]],
    );
  });

  const ads = (service: string): string =>
    `node: { id: n }\ndynamic_resources:\n  ads_config:\n    api_type: GRPC\n    grpc_services:\n    - ${service}\n`;
  const xds = (fields: string): string =>
    `${ads('envoy_grpc: { cluster_name: x }')}static_resources:\n  clusters:\n  - name: x\n${fields}`;
  const tls = (fields: string): string =>
    xds(
      `    transport_socket:\n      name: t\n      typed_config:\n        "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext\n        common_tls_context: ${fields}\n`,
    );
  const wrong: [string, string, RegExp][] = [
    ['broken YAML', 'node: {id: x\nadmin: }', /^b\.yaml:2:\d+: .*; correct the YAML or JSON syntax here$/],
    ['an empty file', '', /^b\.yaml:1:1: is not a bootstrap; write node,/],
    ['a list', '- a', /^b\.yaml:1:1: is not a bootstrap/],
    [
      'a misspelt name at the top',
      'node: {}\nstatic_resource: {}',
      /^b\.yaml:2:1: static_resource: is no field of .*; check its spelling and indentation$/,
    ],
    [
      'a misspelt name inside',
      'node:\n  idd: x',
      /^b\.yaml:2:3: node\.idd: unknown field of envoy\.config\.core\.v3\.Node; did you mean `id`\?$/,
    ],
    ['a wrong type', 'node: { id: 7 }', /^b\.yaml:1:13: node\.id: 7 is no string; write a string$/],
    [
      'a wrong duration',
      'static_resources:\n  clusters:\n  - name: c\n    connect_timeout: 5',
      /^b\.yaml:4:22: static_resources\.clusters\[0\]\.connect_timeout: 5 is no google\.protobuf\.Duration; write seconds with an s/,
    ],
    [
      'a broken rule',
      'static_resources:\n  clusters:\n  - name: c\n    connect_timeout: 0s',
      /^b\.yaml:4:22: static_resources\.clusters\[0\]\.connect_timeout: value must be greater than 0s; /,
    ],
    [
      'a refused resource',
      'static_resources:\n  clusters:\n  - name: c\n    type: EDS\n',
      /^b\.yaml:3:5: static_resources\.clusters\[0\]\.eds_cluster_config\.eds_config: an EDS cluster needs/,
    ],
    [
      'a name twice',
      'static_resources: { clusters: [{ name: c }, { name: c }] }',
      /clusters\[1\]\.name: "c" is used twice; give each its own name/,
    ],
    [
      'no node id',
      ads('google_grpc: { target_uri: "a:1", stat_prefix: s }').replace('node: { id: n }', 'node: {}'),
      /^b\.yaml:1:7: node\.id: is missing; give the node an id/,
    ],
    [
      'no ads_config',
      'node: { id: n }\ndynamic_resources:\n  lds_config: { ads: {} }',
      /dynamic_resources\.ads_config: is missing; name the control plane/,
    ],
    [
      'LDS from elsewhere',
      'dynamic_resources:\n  lds_config: { path: /x }',
      /^b\.yaml:2:15: dynamic_resources\.lds_config: does not come over ADS; write ads/,
    ],
    [
      'REST',
      ads('envoy_grpc: { cluster_name: x }').replace('GRPC', 'REST'),
      /ads_config\.api_type: REST is not served by ADS/,
    ],
    [
      'an undefined cluster',
      ads('envoy_grpc: { cluster_name: x }'),
      /^b\.yaml:6:35: dynamic_resources\.ads_config\.grpc_services\[0\]\.envoy_grpc\.cluster_name: cluster "x" is not defined: add it/,
    ],
    ['a cluster without address', xds(''), /cluster_name: cluster "x" has no address: give it a load_assignment/],
    [
      'TLS from SDS',
      tls('{ tls_certificate_sds_secret_configs: [{ name: default }] }'),
      /cluster "x" has tls_certificate_sds_secret_configs, which is not supported for a control plane: give certificates as files/,
    ],
    [
      'a pinned certificate',
      tls(`{ validation_context: { verify_certificate_hash: ["${'ab'.repeat(32)}"] } }`),
      /cluster "x" has verify_certificate_hash, which is not supported/,
    ],
    [
      'a bad target',
      ads('google_grpc: { target_uri: "http://a", stat_prefix: s }'),
      /google_grpc\.target_uri: "http:\/\/a" has a scheme that no ADS server has/,
    ],
    [
      'an unknown name in inmesh',
      'inmesh:\n  domain: [a]',
      /^b\.yaml:2:\d+: inmesh\.domain: is not known; the block has domains, outside_mesh, flavour, state_directory and broker$/,
    ],
    [
      'a bad domain',
      'inmesh:\n  domains: ["http://a"]',
      /^b\.yaml:2:13: inmesh\.domains\[0\]: "http:\/\/a" is no pattern of hosts; /,
    ],
    [
      'a state_directory without a name',
      "inmesh: { state_directory: '' }",
      /inmesh\.state_directory: is empty; name a directory, or leave the field out$/,
    ],
    [
      'a bad outside_mesh',
      'inmesh: { outside_mesh: drop }',
      /inmesh\.outside_mesh: "drop" is not known; write pass_through or refuse$/,
    ],
  ];
  for (const [title, text, expected] of wrong) {
    it(`refuses ${title}`, () => {
      assert.throws(
        () => load({ path: 'b.yaml' }, { 'b.yaml': text }),
        (error) => {
          assert.ok(isMeshError(error) && error.code === 'invalid_config', String(error));
          assert.match(error.message.replace('[invalid_config] ', ''), expected);
          return true;
        },
      );
    });
  }

  it('says what to do where nothing is named, or the file is not there', () => {
    assert.throws(() => load({}), /no bootstrap: set GRPC_XDS_BOOTSTRAP, .* or name servers in code/);
    assert.throws(
      () => load({ env: { GRPC_XDS_BOOTSTRAP: '/x' } }),
      /\/x cannot be read \(ENOENT.*\); correct its name in GRPC_XDS_BOOTSTRAP/,
    );
    assert.throws(
      () => load({ options: { servers: [{ uri: 'http://x' }] } }),
      /options: servers\[0\]\.uri: "http:\/\/x" has a scheme/,
    );
  });
});
