import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { validateResources } from './validate.ts';
import { runValidateCommand } from './validate-command.ts';

const good = `resources:
- "@type": type.googleapis.com/envoy.config.route.v3.RouteConfiguration
  name: r
  virtual_hosts: [{ name: v, domains: ["*"], routes: [{ match: { prefix: / }, route: { cluster: c } }] }]
- "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster
  name: c
  type: EDS
  eds_cluster_config: { eds_config: { ads: {} } }
- "@type": type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment
  cluster_name: c
  endpoints: []
`;

describe('inmesh validate', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'validate-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const file = (name: string, content: string): string => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };

  it('has nothing to say about a whole, sound folder', () => {
    file('a.yaml', good);
    assert.deepEqual(validateResources(folder), { files: 1, resources: 3, findings: [] });
  });

  it('refuses in the words of a NACK, naming file, line, resource and field', () => {
    const path = file('a.yaml', good.replace('  type: EDS', '  type: EDS\n  connect_timeout: -1s'));
    const [finding, ...others] = validateResources(folder).findings;
    assert.deepEqual(others, []);
    assert.equal(finding?.severity, 'error');
    assert.equal(finding?.origin, `${path}:5:3`);
    assert.match(finding?.message ?? '', /^Cluster "c": connect_timeout: .*greater than 0s/);
  });

  it('tells what is accepted but not honoured, and names that nothing answers to', () => {
    file('a.yaml', good.replace('route: { cluster: c }', 'route: { cluster: d, hedge_policy: {} }'));
    assert.deepEqual(
      validateResources(folder).findings.map(({ severity, message }) => `${severity} ${message}`),
      [
        'warning RouteConfiguration "r", virtual host "v", routes[0]: calls are refused, not supported: route.hedge_policy',
        'warning RouteConfiguration "r" names Cluster "d", which is not here',
      ],
    );
  });

  it('goes by the rules of gRPC where it is asked to', () => {
    const path = file('a.yaml', good.replace('match: { prefix: / }', 'match: { path_separated_prefix: /a }'));
    assert.deepEqual(validateResources(folder).findings, []);
    const [finding, ...others] = validateResources(folder, 'grpc').findings;
    assert.deepEqual(others, []);
    assert.equal(finding?.origin, `${path}:2:3`);
    assert.match(
      finding?.message ?? '',
      /^RouteConfiguration "r": .*path_specifier: must be prefix, path or safe_regex/,
    );
    const lines: string[] = [];
    const io = { out: (line: string) => lines.push(line), err: (line: string) => lines.push(line) };
    assert.equal(runValidateCommand([folder], io), 0);
    assert.equal(runValidateCommand([folder, '--profile', 'grpc'], io), 1);
    assert.equal(runValidateCommand([folder, '--profile', 'nginx'], io), 2);
    assert.match(lines.join('\n'), /--profile nginx: give envoy or grpc/);
  });

  it('goes on after a broken file, and sees a name that is defined twice', () => {
    file('a.yaml', good);
    file('b.yaml', 'resources: [');
    file('c.yaml', good);
    const { files, findings } = validateResources(folder);
    assert.equal(files, 3);
    assert.match(findings[0]?.message ?? '', /b\.yaml:1:/);
    assert.equal(findings.filter(({ message }) => /already defined at .*a\.yaml/.test(message)).length, 3);
  });

  it('answers with an exit code that a pipeline can use', () => {
    const lines: string[] = [];
    const io = { out: (line: string) => lines.push(line), err: (line: string) => lines.push(line) };
    file('a.yaml', good);
    assert.equal(runValidateCommand([folder], io), 0);
    assert.equal(lines.at(-1), '3 resources in 1 files: 0 errors, 0 warnings');
    file('a.yaml', good.replace('cluster: c', 'cluster: d'));
    assert.equal(runValidateCommand([folder], io), 0);
    assert.equal(runValidateCommand([folder, '--strict'], io), 1);
    file('a.yaml', good.replace('prefix: /', 'prefix: 1'));
    assert.equal(runValidateCommand([folder], io), 1);
    assert.equal(runValidateCommand([join(folder, 'nothing')], io), 1);
    assert.match(lines.at(-1) ?? '', /does not exist/);
    assert.equal(runValidateCommand([], io), 2);
  });
});

describe('inmesh validate, on what a proxy was given', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'validate-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const API = 'type.googleapis.com/envoy';
  const cluster = (more: object = {}): object => ({
    '@type': `${API}.config.cluster.v3.Cluster`,
    name: 'c',
    type: 'EDS',
    eds_cluster_config: { eds_config: { ads: {} } },
    ...more,
  });
  const endpoints = {
    '@type': `${API}.config.endpoint.v3.ClusterLoadAssignment`,
    cluster_name: 'c',
    endpoints: [{ load_balancing_weight: 0, lb_endpoints: [] }],
  };
  const check = (content: object) => {
    writeFileSync(join(folder, 'dump.json'), JSON.stringify(content, null, 1));
    const { resources, findings } = validateResources(join(folder, 'dump.json'));
    return { resources, findings: findings.map(({ severity, message }) => `${severity} ${message}`) };
  };
  const configDump = (clusters: object) => ({
    configs: [
      { '@type': `${API}.admin.v3.BootstrapConfigDump`, bootstrap: { node: { id: 'x' } } },
      { '@type': `${API}.admin.v3.ClustersConfigDump`, ...clusters },
      { '@type': `${API}.admin.v3.EndpointsConfigDump`, dynamic_endpoint_configs: [{ endpoint_config: endpoints }] },
      { '@type': `${API}.admin.v3.ListenersConfigDump`, dynamic_listeners: [{ name: 'l', error_state: {} }] },
      { '@type': `${API}.admin.v3.SecretsConfigDump` },
    ],
  });

  it('reads an Envoy’s config dump, the active version before the next one', () => {
    const warming = { cluster: cluster({ connect_timeout: '-1s' }) };
    const dump = configDump({ dynamic_active_clusters: [{ cluster: cluster() }], dynamic_warming_clusters: [warming] });
    assert.deepEqual(check(dump), { resources: 2, findings: [] });
    const [finding] = check(configDump({ dynamic_warming_clusters: [warming] })).findings;
    assert.match(finding ?? '', /^error Cluster "c": connect_timeout: .*greater than 0s/);
  });

  it('reads a recorded feed and a client status, with extensions that it does not know', () => {
    const unknown = { name: 'f', typed_config: { '@type': 'type.googleapis.com/com.example.Filter', a: 1 } };
    const feed = {
      [`${API}.config.cluster.v3.Cluster`]: [cluster({ filters: [unknown] })],
      [`${API}.config.endpoint.v3.ClusterLoadAssignment`]: [endpoints],
    };
    const warning = 'warning Cluster "c": calls are refused, not supported: filters[0]';
    assert.deepEqual(check(feed), { resources: 2, findings: [warning] });
    const status = {
      config: [
        {
          node: { id: 'x' },
          generic_xds_configs: [
            { type_url: '', name: 'c', client_status: 'ACKED', xds_config: cluster({ filters: [unknown] }) },
            { type_url: '', name: 'c', client_status: 'ACKED', xds_config: endpoints },
            { type_url: '', name: 'asked', client_status: 'REQUESTED' },
          ],
        },
      ],
    };
    assert.deepEqual(check(status), { resources: 2, findings: [warning] });
  });

  it('misses secrets that clusters take from the same control plane, and tells of sockets that it cannot do', () => {
    const TLS = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.';
    const ADS = { ads: {}, resource_api_version: 'V3' };
    const agent = { path_config_source: { path: '/sds.yaml' } };
    const socket = {
      name: 't',
      typed_config: {
        '@type': `${TLS}UpstreamTlsContext`,
        common_tls_context: {
          tls_certificate_sds_secret_configs: [{ name: 'here', sds_config: ADS }],
          validation_context_sds_secret_config: { name: 'gone', sds_config: ADS },
        },
      },
    };
    const elsewhere = {
      name: 't',
      typed_config: {
        '@type': `${TLS}UpstreamTlsContext`,
        common_tls_context: { validation_context_sds_secret_config: { name: 'far', sds_config: agent } },
      },
    };
    const quic = { name: 'quic', typed_config: { '@type': 'type.googleapis.com/com.example.Quic' } };
    const matches = [
      { name: 'a', match: { a: '1' }, transport_socket: elsewhere },
      { name: 'b', match: { b: '1' }, transport_socket: quic },
    ];
    const feed = {
      [`${API}.config.cluster.v3.Cluster`]: [cluster({ transport_socket: socket, transport_socket_matches: matches })],
      [`${API}.config.endpoint.v3.ClusterLoadAssignment`]: [endpoints],
      [`${API}.extensions.transport_sockets.tls.v3.Secret`]: [
        { '@type': `${TLS}Secret`, name: 'here', generic_secret: {} },
      ],
    };
    assert.deepEqual(check(feed).findings, [
      'warning Cluster "c": calls to some endpoints are refused, not supported: transport_socket_matches[1].transport_socket: quic',
      'warning Cluster "c" takes Secret "gone" over ADS, which is not here',
    ]);
  });

  it('goes on after a resource that cannot be read, and names its line', () => {
    const { resources, findings } = check({
      [`${API}.config.cluster.v3.Cluster`]: [cluster({ nonsense: 1 }), cluster()],
    });
    assert.equal(resources, 1);
    assert.match(findings[0] ?? '', /dump\.json:\d+:\d+: .*nonsense: unknown field/);
  });
});
