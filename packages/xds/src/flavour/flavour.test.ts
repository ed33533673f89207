import assert from 'node:assert/strict';
import { type BootstrapOptions, loadBootstrap } from '../bootstrap/index.ts';
import { chooseFlavour, lacksOf } from './flavour.ts';

describe('the flavour of a feed', () => {
  const istioNode = 'sidecar~10.0.0.1~web.default~default.svc.cluster.local';
  const load = (inline: object, options?: BootstrapOptions) =>
    loadBootstrap({
      env: {},
      readFile: () => {
        throw new Error('nothing is read');
      },
      inline: inline as never,
      options,
    });
  const grpc = (uri: string, node: object) =>
    load({ xds_servers: [{ server_uri: uri, channel_creds: [{ type: 'insecure' }] }], node });
  const envoy = (node: object, more: object = {}, metadata: readonly object[] = []) =>
    load({
      node,
      dynamic_resources: {
        lds_config: { ads: {} },
        cds_config: { ads: {} },
        ads_config: {
          api_type: 'DELTA_GRPC',
          grpc_services: [{ google_grpc: { target_uri: 'dns:///cp:1', stat_prefix: 's' }, initial_metadata: metadata }],
        },
      },
      ...more,
    });
  const chosen = (bootstrap: ReturnType<typeof load>) => chooseFlavour(bootstrap, bootstrap.flavour);

  it('is the sidecar’s through an istio-agent’s gRPC bootstrap: the generator is not asked for', () => {
    const { flavour, node } = chosen(
      grpc('unix:///etc/istio/XDS', { id: istioNode, metadata: { GENERATOR: 'grpc', NAMESPACE: 'default' } }),
    );
    assert.equal(flavour, 'sidecar');
    assert.deepEqual(node.metadata, { NAMESPACE: 'default', DISABLE_HBONE_SEND: 'true' });
  });

  it('is gRPC’s with any other gRPC bootstrap, and through the agent where the option says so', () => {
    assert.equal(chosen(grpc('istiod:15010', { id: istioNode, metadata: { GENERATOR: 'grpc' } })).flavour, 'grpc');
    assert.equal(chosen(grpc('unix:///run/cp.sock', { id: 'shop' })).flavour, 'grpc');
    const agent = grpc('unix:///etc/istio/XDS', { id: istioNode, metadata: { GENERATOR: 'grpc' } });
    const { flavour, node } = chooseFlavour(agent, 'grpc');
    assert.equal(flavour, 'grpc');
    assert.equal(node.metadata.GENERATOR, 'grpc');
  });

  it('is told by an Envoy bootstrap’s node and metadata, else by the listeners', () => {
    assert.equal(chosen(envoy({ id: istioNode })).flavour, 'sidecar');
    assert.equal(
      chosen(envoy({ id: 'web-sidecar-proxy' }, {}, [{ key: 'x-consul-token', value: '' }])).flavour,
      'consul',
    );
    assert.equal(chosen(envoy({ id: 'edge' })).flavour, null);
  });

  it('is what the bootstrap’s own block says, and code over that', () => {
    const bootstrap = envoy({ id: 'edge' }, { inmesh: { flavour: 'grpc' } });
    assert.equal(chosen(bootstrap).flavour, 'grpc');
    assert.equal(load({ node: { id: 'n' }, inmesh: { flavour: 'grpc' } }, { flavour: 'consul' }).flavour, 'consul');
    assert.throws(
      () => envoy({ id: 'edge' }, { inmesh: { flavour: 'kuma' } }),
      /flavour: "kuma" is not known; write auto/,
    );
  });

  it('says what it lacks, and of gRPC’s only where istiod makes it', () => {
    assert.equal(lacksOf('grpc', grpc('cp:1', { id: 'shop' }).node).length, 0);
    assert.match(lacksOf('grpc', grpc('cp:1', { id: istioNode }).node).join(), /outlier detection/);
    assert.match(lacksOf('sidecar', grpc('cp:1', { id: istioNode }).node).join(), /HBONE/);
  });
});
