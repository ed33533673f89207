// What a process tells its control plane of its load, over real sockets.
import assert from 'node:assert/strict';
import type { JsonObject } from '@bufbuild/protobuf';
import type { ClusterStats } from '@inmesh/api/gen/envoy/config/endpoint/v3/load_report_pb';
import {
  type ControlPlane,
  type LoadReportOptions,
  type ResourceInput,
  startControlPlane,
} from '@inmesh/control-plane';
import { createMesh, type Mesh } from 'inmesh';
import { cluster, service } from '../support/feed.ts';
import { bootstrapFor, until } from '../support/scene.ts';
import { startHttp, type Upstream } from '../support/servers.ts';

/** Sums of all reports of one cluster: what must not depend on when the reports were made. */
interface Sums {
  issued: number;
  ok: number;
  errors: number;
  dropped: number;
  metrics: Record<string, number>;
}

class Scene implements AsyncDisposable {
  readonly reports: ClusterStats[] = [];
  readonly meshes: Mesh[] = [];
  readonly upstreams: Upstream[] = [];
  plane!: ControlPlane;

  async start(resources: (port: number) => ResourceInput[], options: LoadReportOptions = { intervalMs: 100 }) {
    const upstream = await startHttp((request, response) => {
      const fails = request.url === '/fail';
      response.setHeader('endpoint-load-metrics', 'TEXT cpu_utilization=0.5, named_metrics.queue=3');
      response.statusCode = fails ? 503 : 200;
      request.resume().on('end', () => response.end('done'));
    });
    this.upstreams.push(upstream);
    this.plane = await startControlPlane({
      resources: resources(upstream.port),
      loadReports: options,
      onEvent: (event) => {
        if (event.type === 'load') this.reports.push(...event.clusters);
      },
    });
  }

  async mesh(bootstrapConfig: string): Promise<Mesh> {
    const mesh = await createMesh({ bootstrapConfig, env: {}, onWarning: (warning) => assert.fail(warning) });
    this.meshes.push(mesh);
    return mesh;
  }

  sums(name: string): Sums {
    const sums: Sums = { issued: 0, ok: 0, errors: 0, dropped: 0, metrics: {} };
    for (const { clusterName, upstreamLocalityStats, totalDroppedRequests } of this.reports) {
      if (clusterName !== name) continue;
      sums.dropped += Number(totalDroppedRequests);
      for (const locality of upstreamLocalityStats) {
        sums.issued += Number(locality.totalIssuedRequests);
        sums.ok += Number(locality.totalSuccessfulRequests);
        sums.errors += Number(locality.totalErrorRequests);
        for (const { metricName, totalMetricValue } of locality.loadMetricStats) {
          sums.metrics[metricName] = (sums.metrics[metricName] ?? 0) + totalMetricValue;
        }
      }
    }
    return sums;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const mesh of this.meshes) mesh.close();
    for (const upstream of this.upstreams) await upstream.close();
    await this.plane.close();
  }
}

/** The server has asked, so that calls are counted from now on. */
async function asked(mesh: Mesh): Promise<void> {
  await until(() => Object.values(mesh.statistics().loadReporters).some(({ requests }) => requests > 0), 'a request');
}

async function call(mesh: Mesh, count: number, url = 'http://shop/'): Promise<void> {
  for (let i = 0; i < count; i++) await (await mesh.fetch(url)).arrayBuffer();
}

const reporting = { lrs_server: { self: {} }, lrs_report_endpoint_metrics: ['cpu_utilization', 'named_metrics.*'] };

describe('load reports', () => {
  it('tell the control plane of the clusters that ask for it, and of no others', async () => {
    await using scene = new Scene();
    await scene.start((port) => [
      ...service('shop', [port], { listener: 'shop:80', cluster: reporting }),
      ...service('quiet', [port], { listener: 'quiet:80' }),
    ]);
    const mesh = await scene.mesh(bootstrapFor(scene.plane.address));
    await mesh.ready({ services: ['http://shop/', 'http://quiet/'] });
    await asked(mesh);
    await call(mesh, 3);
    await call(mesh, 2, 'http://shop/fail');
    await call(mesh, 4, 'http://quiet/');
    await until(() => scene.sums('shop').ok === 3 && scene.sums('shop').errors === 2, 'the reports');
    const { issued, dropped, metrics } = scene.sums('shop');
    assert.equal(issued, 5);
    assert.equal(dropped, 0);
    assert.deepEqual(metrics, { 'named_metrics.queue': 15 });
    const cpu = scene.reports
      .flatMap(({ upstreamLocalityStats }) => upstreamLocalityStats)
      .reduce((sum, { cpuUtilization }) => sum + (cpuUtilization?.totalMetricValue ?? 0), 0);
    assert.equal(cpu, 2.5);
    assert.equal(scene.sums('quiet').issued, 0);
  });

  it('follow a change of what is asked for', async () => {
    await using scene = new Scene();
    await scene.start((port) => service('shop', [port], { listener: 'shop:80', cluster: reporting }), {
      intervalMs: 100,
      clusters: ['other'],
    });
    const mesh = await scene.mesh(bootstrapFor(scene.plane.address));
    await mesh.ready({ services: ['http://shop/'] });
    await asked(mesh);
    await call(mesh, 2);
    scene.plane.askLoad({ intervalMs: 100, clusters: ['shop'], endpoints: true });
    const [reporter] = Object.values(mesh.statistics().loadReporters);
    await until(() => reporter?.requests === 2, 'the second request');
    await call(mesh, 3);
    await until(() => scene.sums('shop').ok === 3, 'the report');
    const endpoints = scene.reports.flatMap(({ upstreamLocalityStats }) =>
      upstreamLocalityStats.flatMap(({ upstreamEndpointStats }) => upstreamEndpointStats),
    );
    assert.equal(
      endpoints.reduce((sum, { totalIssuedRequests }) => sum + Number(totalIssuedRequests), 0),
      3,
    );
  });

  it('tell all clusters to the server that an Envoy bootstrap names, and lose nothing when it is restarted', async () => {
    await using scene = new Scene();
    await scene.start((port) => service('shop', [port], { listener: 'shop' }));
    const bootstrap = JSON.stringify({
      node: { id: 'envoy-1', cluster: 'test' },
      static_resources: { listeners: [staticListener()], clusters: [controlPlaneCluster(scene.plane.address)] },
      cluster_manager: {
        load_stats_config: { api_type: 'GRPC', transport_api_version: 'V3', grpc_services: [viaCluster] },
      },
      dynamic_resources: {
        cds_config: { ads: {} },
        ads_config: { api_type: 'GRPC', transport_api_version: 'V3', grpc_services: [viaCluster] },
      },
    });
    const mesh = await scene.mesh(bootstrap);
    await mesh.ready({ services: ['http://shop/'] });
    await asked(mesh);
    await call(mesh, 2);
    await until(() => scene.sums('shop').ok === 2, 'the first report');
    const port = Number(scene.plane.address.split(':')[1]);
    await scene.plane.close();
    await call(mesh, 5);
    scene.plane = await startControlPlane({
      resources: [cluster('shop'), ...service('shop', [scene.upstreams[0]?.port ?? 0]).slice(2)],
      listen: { port },
      loadReports: { intervalMs: 100 },
      onEvent: (event) => {
        if (event.type === 'load') scene.reports.push(...event.clusters);
      },
    });
    await until(() => scene.sums('shop').ok === 7, 'what was done meanwhile');
    assert.equal(scene.sums('shop').issued, 7);
  });

  it('are told once more when the mesh drains', async () => {
    await using scene = new Scene();
    await scene.start((port) => service('shop', [port], { listener: 'shop:80', cluster: reporting }), {
      intervalMs: 600_000,
    });
    const mesh = await scene.mesh(bootstrapFor(scene.plane.address));
    await mesh.ready({ services: ['http://shop/'] });
    await asked(mesh);
    await call(mesh, 3);
    await mesh.drain();
    await until(() => scene.sums('shop').ok === 3, 'the last report');
  });

  it('harm no call where the control plane does not know them', async () => {
    await using scene = new Scene();
    await scene.start((port) => service('shop', [port], { listener: 'shop:80', cluster: reporting }));
    await scene.plane.close();
    const port = scene.upstreams[0]?.port ?? 0;
    scene.plane = await startControlPlane({
      resources: service('shop', [port], { listener: 'shop:80', cluster: reporting }),
    });
    const mesh = await scene.mesh(bootstrapFor(scene.plane.address));
    await mesh.ready({ services: ['http://shop/'] });
    await call(mesh, 2);
    await until(() => Object.values(mesh.statistics().loadReporters)[0]?.errors === 1, 'the refusal');
    await call(mesh, 1);
  });
});

const viaCluster = { envoy_grpc: { cluster_name: 'control-plane' } };

function controlPlaneCluster(address: string): object {
  const [host, port] = address.split(':');
  return {
    name: 'control-plane',
    type: 'STATIC',
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
    load_assignment: {
      cluster_name: 'control-plane',
      endpoints: [
        {
          lb_endpoints: [{ endpoint: { address: { socket_address: { address: host, port_value: Number(port) } } } }],
        },
      ],
    },
  };
}

/** As a file has it, without the `@type` that a feed needs. */
function staticListener(): object {
  const [listener] = service('shop', [1], { listener: 'shop:80' });
  const { '@type': _, ...plain } = listener as JsonObject;
  return plain;
}
