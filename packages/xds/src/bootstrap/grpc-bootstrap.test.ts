import assert from 'node:assert/strict';
import { isMeshError } from '@inmesh/core';
import { parseText } from '../text/index.ts';
import { readGrpcBootstrap } from './grpc-bootstrap.ts';

/** As istio-agent writes it (pkg/istio-agent/testdata/grpc-bootstrap.json). */
const istio = `{
  "xds_servers": [
    {
      "server_uri": "unix:///etc/istio/XDS",
      "channel_creds": [{ "type": "insecure" }],
      "server_features": ["xds_v3"]
    }
  ],
  "node": {
    "id": "sidecar~127.0.0.1~pod1.fake-namespace~fake-namespace.svc.cluster.local",
    "metadata": { "GENERATOR": "grpc", "INSTANCE_IPS": "127.0.0.1", "PILOT_SAN": ["istiod.istio-system.svc"] },
    "locality": {},
    "UserAgentVersionType": null
  },
  "certificate_providers": {
    "default": {
      "plugin_name": "file_watcher",
      "config": { "certificate_file": "/c.pem", "private_key_file": "/k.pem", "ca_certificate_file": "/r.pem", "refresh_interval": "900s" }
    },
    "other": { "plugin_name": "spire" }
  },
  "server_listener_resource_name_template": "xds.istio.io/grpc/lds/inbound/%s"
}`;

describe('gRPC bootstrap', () => {
  it('reads what istio-agent writes', () => {
    const bootstrap = readGrpcBootstrap(parseText(istio, 'grpc-bootstrap.json'));
    assert.deepEqual(bootstrap.servers, [
      {
        uri: 'unix:///etc/istio/XDS',
        credentials: { kind: 'insecure' },
        features: ['xds_v3'],
        initialMetadata: [],
        keepalive: { intervalMs: 300_000, timeoutMs: 20_000 },
        delta: false,
        callCredentials: [],
      },
    ]);
    assert.equal(bootstrap.node.id, 'sidecar~127.0.0.1~pod1.fake-namespace~fake-namespace.svc.cluster.local');
    assert.deepEqual(bootstrap.node.metadata.PILOT_SAN, ['istiod.istio-system.svc']);
    assert.deepEqual(bootstrap.node.locality, { region: '', zone: '', subZone: '' });
    assert.equal(bootstrap.serverListenerTemplate, 'xds.istio.io/grpc/lds/inbound/%s');
    assert.equal(bootstrap.listenerTemplate, '%s');
    assert.deepEqual(Object.keys(bootstrap.certificateProviders), ['default']);
    assert.deepEqual(bootstrap.warnings, [
      'grpc-bootstrap.json: certificate provider other: plugin spire is not known; left out',
    ]);
  });

  it('keeps the order of servers and takes the first credentials that it supports', () => {
    const text = `{"xds_servers": [
      {"server_uri": "dns:///a:1", "channel_creds": [{"type": "alts"}, {"type": "tls", "config": {"ca_certificate_file": "/r.pem"}}, {"type": "google_default"}],
       "server_features": ["trusted_xds_server", 7], "call_creds": [{"type": "jwt_token_file", "config": {"jwt_token_file": "/t"}}]},
      {"server_uri": "b:2", "channel_creds": [{"type": "insecure"}]}]}`;
    const bootstrap = readGrpcBootstrap(parseText(text, 'x'));
    assert.deepEqual(
      bootstrap.servers.map((server) => [server.uri, server.credentials, server.features]),
      [
        ['dns:///a:1', { kind: 'tls', caFile: '/r.pem' }, ['trusted_xds_server']],
        ['b:2', { kind: 'insecure' }, []],
      ],
    );
    assert.deepEqual(bootstrap.servers[0]?.callCredentials, [
      { type: 'jwt_token_file', config: { jwt_token_file: '/t' } },
    ]);
  });

  it('warns of call credentials that are not sent: others than a token file, and any in the clear', () => {
    const server = (creds: string, call: string) =>
      `{"xds_servers": [{"server_uri": "b:2", "channel_creds": [{"type": "${creds}"}],
        "call_creds": [{"type": "${call}", "config": {"jwt_token_file": "/t"}}]}]}`;
    const warnings = (creds: string, call: string) => readGrpcBootstrap(parseText(server(creds, call), 'x')).warnings;
    assert.deepEqual(warnings('tls', 'jwt_token_file'), []);
    assert.match(
      warnings('insecure', 'jwt_token_file').join(),
      /^x: call_creds of b:2 are not sent \(jwt_token_file\)/,
    );
    assert.match(warnings('tls', 'oauth').join(), /not sent \(oauth\)/);
  });

  it('reads google_default as TLS and the application default credentials', () => {
    const text =
      '{"xds_servers": [{"server_uri": "b:2", "channel_creds": [{"type": "google_default"}, {"type": "insecure"}]}]}';
    const file = (env: { readonly [name: string]: string }) => {
      const [server] = readGrpcBootstrap(parseText(text, 'x'), env).servers;
      assert.deepEqual(server?.credentials, { kind: 'tls' });
      return server?.callCredentials;
    };
    const of = (path: string) => [{ type: 'google_default', config: { credentials_file: path } }];
    assert.deepEqual(file({ GOOGLE_APPLICATION_CREDENTIALS: '/key.json', HOME: '/h' }), of('/key.json'));
    assert.deepEqual(file({ HOME: '/h' }), of('/h/.config/gcloud/application_default_credentials.json'));
    assert.deepEqual(file({ CLOUDSDK_CONFIG: '/c', HOME: '/h' }), of('/c/application_default_credentials.json'));
  });

  it('keeps authorities as data', () => {
    const text = `{"xds_servers": [{"server_uri": "b:2", "channel_creds": [{"type": "insecure"}]}],
      "authorities": {"x.example": {"client_listener_resource_name_template": "xdstp://x.example/envoy.config.listener.v3.Listener/%s"}}}`;
    assert.deepEqual(readGrpcBootstrap(parseText(text, 'x')).authorities, {
      'x.example': {
        servers: [],
        listenerTemplate: 'xdstp://x.example/envoy.config.listener.v3.Listener/%s',
      },
    });
  });

  const creds = '"channel_creds": [{"type": "insecure"}]';
  const wrong: [string, string, RegExp][] = [
    ['no servers', '{"node": {}}', /^b\.json:1:1: has no xds_servers; list the control planes/],
    [
      'an Envoy bootstrap',
      'static_resources: {}',
      /has no xds_servers; this is an Envoy bootstrap: name it in INMESH_BOOTSTRAP/,
    ],
    ['an empty list', '{"xds_servers": []}', /^b\.json:1:17: xds_servers: is empty; name at least one/],
    [
      'a server without URI',
      `{"xds_servers": [\n{${creds}}]}`,
      /^b\.json:2:1: xds_servers\[0\]\.server_uri: is missing; give the address/,
    ],
    [
      'a URI of another scheme',
      `{"xds_servers": [{"server_uri": "https://x:1", ${creds}}]}`,
      /server_uri: "https:\/\/x:1" has a scheme that no ADS server has; write host:port/,
    ],
    [
      'a relative unix URI',
      `{"xds_servers": [{"server_uri": "unix://x", ${creds}}]}`,
      /server_uri: "unix:\/\/x" has no absolute path; write three slashes/,
    ],
    [
      'a bad port',
      `{"xds_servers": [{"server_uri": "h:70000", ${creds}}]}`,
      /server_uri: port 70000 is outside 1 to 65535/,
    ],
    [
      'no credentials',
      '{"xds_servers": [{"server_uri": "h:1"}]}',
      /channel_creds: is missing; add one of \{"type": "insecure"\}, \{"type": "tls"\}, \{"type": "google_default"\}$/,
    ],
    [
      'unsupported credentials',
      '{"xds_servers": [{"server_uri": "h:1", "channel_creds": [{"type": "alts"}]}]}',
      /channel_creds: has no supported type \(alts\); add one of/,
    ],
    [
      'a token without a file',
      `{"xds_servers": [{"server_uri": "h:1", ${creds}, "call_creds": [{"type": "jwt_token_file"}]}]}`,
      /call_creds\[0\]\.config\.jwt_token_file: is missing; name the file that holds the token/,
    ],
    [
      'a certificate without key',
      '{"xds_servers": [{"server_uri": "h:1", "channel_creds": [{"type": "tls", "config": {"certificate_file": "/c"}}]}]}',
      /xds_servers\[0\]\.channel_creds\[0\]\.config\.certificate_file: has no private_key_file beside it/,
    ],
    [
      'a bad interval',
      '{"xds_servers": [{"server_uri": "h:1", "channel_creds": [{"type": "tls", "config": {"refresh_interval": "9m"}}]}]}',
      /refresh_interval: "9m" is no duration; write seconds with an s/,
    ],
    [
      'a node id that is a number',
      `{"node": {"id": 7},\n"xds_servers": [{"server_uri": "h:1", ${creds}}]}`,
      /^b\.json:1:17: node\.id: is not a string; put the value in quotes/,
    ],
    [
      'a template of another authority',
      `{"xds_servers": [{"server_uri": "h:1", ${creds}}], "authorities": {"a": {"client_listener_resource_name_template": "xdstp://b/%s"}}}`,
      /authorities\.a\.client_listener_resource_name_template: does not start with xdstp:\/\/a\//,
    ],
    [
      'a provider without plugin',
      `{"xds_servers": [{"server_uri": "h:1", ${creds}}], "certificate_providers": {"d": {}}}`,
      /certificate_providers\.d\.plugin_name: is missing/,
    ],
  ];
  for (const [title, text, expected] of wrong) {
    it(`refuses ${title}`, () => {
      assert.throws(
        () => readGrpcBootstrap(parseText(text, 'b.json')),
        (error) => {
          assert.ok(isMeshError(error) && error.code === 'invalid_config');
          assert.match(error.message.replace('[invalid_config] ', ''), expected);
          return true;
        },
      );
    });
  }
});
