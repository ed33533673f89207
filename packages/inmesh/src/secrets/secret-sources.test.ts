import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type ConfigSource,
  MeshError,
  type SdsSource,
  type Secret,
  SecretBytes,
  systemRandom,
  VirtualClock,
} from '@inmesh/core';
import type { IdentityProvider } from '@inmesh/mtls';
import { loadBootstrap } from '@inmesh/xds';
import { SecretSources, type SecretSourcesParts } from './secret-sources.ts';

const BOOTSTRAP = `
node: { id: web-1, cluster: web }
static_resources:
  secrets:
  - name: mine
    validation_context: { trusted_ca: { inline_string: roots } }
  clusters:
  - name: over-tls
    load_assignment:
      cluster_name: over-tls
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { pipe: { path: /nowhere/sds.sock } } } }] }]
    transport_socket:
      name: envoy.transport_sockets.tls
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
        common_tls_context: { tls_certificate_sds_secret_configs: [{ name: x, sds_config: { ads: {} } }] }
`;

describe('SecretSources', () => {
  let sources: SecretSources;

  const open = (parts: Partial<SecretSourcesParts>): void => {
    const bootstrap = loadBootstrap({ env: {}, readFile: () => '', inline: BOOTSTRAP });
    sources = new SecretSources({
      bootstrap,
      node: bootstrap.node,
      targets: {},
      feed: null,
      identity: null,
      clock: new VirtualClock(),
      random: systemRandom,
      onError: (error) => assert.fail(error),
      ...parts,
    });
  };
  const ask = (name: string, source: SdsSource): (Secret | string)[] => {
    const heard: (Secret | string)[] = [];
    sources.watch(
      { name, source, initialFetchTimeoutMs: 15_000 },
      {
        changed: (secret) => heard.push(secret),
        resourceError: ({ message }) => heard.push(message),
        ambientError: ({ message }) => heard.push(message),
      },
    );
    return heard;
  };
  const agent: SdsSource = { kind: 'grpc', clusterName: 'sds-grpc', delta: false };
  const identity: IdentityProvider = {
    watch: (watcher) => {
      const key = new SecretBytes(Buffer.from('key'));
      watcher.changed({ certificate: { chain: 'chain', key, notAfter: 0 }, trust: null });
      return () => {};
    },
  };

  afterEach(() => sources.close());

  it('takes static secrets from the bootstrap', () => {
    open({});
    const [secret] = ask('mine', { kind: 'static' });
    assert.ok(typeof secret === 'object' && secret.kind === 'validation_context');
    assert.match(String(ask('other', { kind: 'static' })[0]), /has no secret "other"/);
  });

  it('asks the control plane for those of ADS', () => {
    const asked: string[] = [];
    const feed: ConfigSource = {
      watch: (kind, name) => {
        asked.push(`${kind} ${name}`);
        return () => {};
      },
    };
    open({ feed });
    ask('default', { kind: 'ads' });
    assert.deepEqual(asked, ['secret default']);
    open({});
    assert.match(String(ask('default', { kind: 'ads' })[0]), /names no control plane/);
  });

  it('answers in the place of an istio-agent where the mesh has an identity', () => {
    open({ identity });
    const [secret] = ask('default', agent);
    assert.ok(typeof secret === 'object' && secret.kind === 'tls_certificate');
  });

  it('does not answer with it for other servers', () => {
    open({ identity });
    assert.match(String(ask('default', { ...agent, clusterName: 'other' })[0]), /cluster "other".*is not defined/);
  });

  it('asks no server in a way that the bootstrap does not allow', () => {
    open({});
    assert.match(
      String(ask('x', { ...agent, clusterName: 'over-tls' })[0]),
      /cluster "over-tls" of .*tls_certificate_sds_secret_configs, which is not supported/,
    );
  });

  it('looks for the istio-agent where its pod has it, or where it is told', () => {
    const bootstrap = loadBootstrap({ env: {}, readFile: () => '', inline: BOOTSTRAP });
    open({ node: { ...bootstrap.node, metadata: { WORKLOAD_IDENTITY_SOCKET_FILE: 'agent.sock' } } });
    assert.deepEqual(ask('default', agent), []);
    const [status] = sourcesStatus();
    assert.equal(status, 'unix:/var/run/secrets/workload-spiffe-uds/agent.sock');
    open({ targets: { 'sds-grpc': 'unix:/elsewhere/socket' } });
    ask('default', agent);
    assert.deepEqual(sourcesStatus(), ['unix:/elsewhere/socket']);
  });

  it('reads files that stand in the place of a server', () => {
    const folder = mkdtempSync(join(tmpdir(), 'inmesh-sds-'));
    const path = join(folder, 'sds.yaml');
    const type = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret';
    writeFileSync(path, `resources: [{ "@type": ${type}, name: x, generic_secret: {} }]`);
    open({});
    const told: string[] = [];
    const unwatch = sources.watch(
      { name: 'x', source: { kind: 'path', path, watchedDirectory: null }, initialFetchTimeoutMs: 0 },
      { changed: ({ kind }) => told.push(kind), resourceError: assert.fail, ambientError: assert.fail },
    );
    unwatch();
    rmSync(folder, { recursive: true });
    assert.deepEqual(told, ['generic_secret']);
  });

  const sourcesStatus = (): string[] => sources.status().map(({ stream }) => stream.serverUri);

  it('passes errors on', () => {
    const error = new MeshError('connection_failure', 'away');
    open({
      identity: {
        watch: (watcher) => {
          watcher.ambientError(error);
          return () => {};
        },
      },
    });
    assert.deepEqual(ask('ROOTCA', agent), [error.message]);
  });
});
