import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { anyPack, anyUnpack } from '@bufbuild/protobuf/wkt';
import type { Cluster, Cluster_LbPolicy } from '@inmesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import type { ClusterLoadAssignment } from '@inmesh/api/gen/envoy/config/endpoint/v3/endpoint_pb';
import { enumValues, messageType, registry } from './registry.ts';
import { typeUrlOf } from './type-url.ts';

describe('registry', () => {
  it('is not built by an import, and only once afterwards', async () => {
    // In a process of its own: here another test may have built it. Unpacking the descriptors is what building starts with.
    const script = `
      import zlib from 'node:zlib';
      import { syncBuiltinESMExports } from 'node:module';
      const { brotliDecompressSync } = zlib;
      let unpacked = 0;
      zlib.brotliDecompressSync = (...args) => { unpacked += 1; return brotliDecompressSync(...args); };
      syncBuiltinESMExports();
      const { registry } = await import('@inmesh/api');
      const afterImport = unpacked;
      const same = registry() === registry();
      console.log(JSON.stringify({ afterImport, same, unpacked }));`;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--conditions=@inmesh/source', '--input-type=module', '--eval', script],
      { cwd: import.meta.dirname },
    );
    assert.deepEqual(JSON.parse(stdout), { afterImport: 0, same: true, unpacked: 1 });
  });

  it('takes a cluster to bytes and back', () => {
    const type = messageType<Cluster>('envoy.config.cluster.v3.Cluster');
    const lbPolicy = enumValues<typeof Cluster_LbPolicy>('envoy.config.cluster.v3.Cluster.LbPolicy');
    const cluster = create(type, { name: 'reviews', lbPolicy: lbPolicy.RING_HASH, connectTimeout: { seconds: 5n } });
    const decoded = fromBinary(type, toBinary(type, cluster));
    assert.equal(decoded.name, 'reviews');
    assert.equal(decoded.lbPolicy, 2);
    assert.equal(decoded.connectTimeout?.seconds, 5n);
  });

  it('packs and unpacks an Any with protobuf-es’s own functions', () => {
    const type = messageType<ClusterLoadAssignment>('envoy.config.endpoint.v3.ClusterLoadAssignment');
    const any = anyPack(type, create(type, { clusterName: 'reviews' }));
    assert.equal(any.typeUrl, typeUrlOf('envoy.config.endpoint.v3.ClusterLoadAssignment'));
    assert.equal(anyUnpack(any, type)?.clusterName, 'reviews');
    assert.equal(anyUnpack(any, registry())?.$typeName, 'envoy.config.endpoint.v3.ClusterLoadAssignment');
  });

  it('names what the API does not have', () => {
    assert.throws(() => messageType('envoy.Nothing'), /no message envoy\.Nothing/);
    assert.throws(() => enumValues('envoy.Nothing'), /no enum envoy\.Nothing/);
    // @ts-expect-error: the name of another message
    messageType<Cluster>('envoy.config.listener.v3.Listener');
  });

  it('has the services that a mesh calls', () => {
    for (const [service, method] of [
      ['envoy.service.discovery.v3.AggregatedDiscoveryService', 'streamAggregatedResources'],
      ['envoy.service.discovery.v3.AggregatedDiscoveryService', 'deltaAggregatedResources'],
      ['envoy.service.load_stats.v3.LoadReportingService', 'streamLoadStats'],
      ['envoy.service.status.v3.ClientStatusDiscoveryService', 'fetchClientStatus'],
      ['envoy.service.secret.v3.SecretDiscoveryService', 'streamSecrets'],
      ['xds.service.orca.v3.OpenRcaService', 'streamCoreMetrics'],
      ['istio.v1.auth.IstioCertificateService', 'createCertificate'],
      ['SpiffeWorkloadAPI', 'fetchX509SVID'],
    ] as const) {
      assert.ok(registry().getService(service)?.method[method], `${service}.${method}`);
    }
  });

  it('has the messages of Istio that a sidecar’s feed holds', () => {
    for (const name of [
      'istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig',
      'envoy.tcp.metadataexchange.config.MetadataExchange',
      'stats.PluginConfig',
    ]) {
      assert.ok(registry().getMessage(name), name);
    }
  });
});
