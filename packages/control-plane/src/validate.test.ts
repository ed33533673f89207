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
