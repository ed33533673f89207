import assert from 'node:assert/strict';
import type { ClusterStats } from '@inmesh/api/gen/envoy/config/endpoint/v3/load_report_pb';
import { type ControlPlane, startControlPlane } from '@inmesh/control-plane';
import { createMesh, type Mesh } from 'inmesh';
import { type App, startApp } from './support/apps.ts';
import { Envoy } from './support/envoy.ts';
import { cluster, host, listener, routes, to } from './support/feed.ts';
import { describeWithPeers } from './support/peers.ts';
import { freePorts } from './support/ports.ts';
import { envoySide, meshSide, type Side } from './support/sides.ts';
import { until } from './support/until.ts';

/** What one side told of one cluster, all reports together. */
interface Sums {
  issued: number;
  ok: number;
  errors: number;
  dropped: number;
  readonly metrics: Record<string, number>;
}

const NONE = { issued: 0, ok: 0, errors: 0, dropped: 0, metrics: {} };

/**
 * One control plane asks a real Envoy and inmesh for reports of their load. The same calls go through both: served, refused by the
 * service, cut off, tried again, not let through. What both tell of them must be the same, zone for zone.
 */
describeWithPeers(['envoy'], 'load reports of Envoy and of inmesh', () => {
  let app: App;
  let plane: ControlPlane;
  let envoy: Envoy;
  let mesh: Mesh;
  let sides: readonly Side[];
  const reports: { readonly node: string; readonly clusters: readonly ClusterStats[] }[] = [];

  before(async () => {
    let failures = 0;
    app = await startApp('shop', (request, response) => {
      const [, what = ''] = (request.url ?? '').split('/');
      if (what === 'cut') {
        request.socket.destroy();
        return;
      }
      const status = what === 'again' ? (failures++ % 2 === 0 ? 503 : 200) : Number(what) || 200;
      response.writeHead(status, { 'endpoint-load-metrics-bin': orca });
      request.resume().on('end', () => response.end());
    });
    const [port = 0] = await freePorts(1);
    const reporting = {
      lrs_server: { self: {} },
      lrs_report_endpoint_metrics: ['named_metrics.queue', 'eps', 'named_metrics.absent'],
    };
    plane = await startControlPlane({
      resources: [
        listener('edge', port, 'edge-routes'),
        routes('edge-routes', [
          host('shop', ['shop'], [to('one')]),
          host('again', ['again'], [to('two', '/', { retry_policy: { retry_on: '5xx', num_retries: 2 } })]),
          host('closed', ['closed'], [to('three')]),
        ]),
        ...cluster('one', [app.port], reporting),
        ...cluster('two', [app.port], reporting),
        ...cluster('three', [app.port], {
          ...reporting,
          circuit_breakers: { thresholds: [{ max_pending_requests: 0 }] },
        }),
      ],
      loadReports: { intervalMs: 500 },
      onEvent: (event) => {
        if (event.type === 'load') reports.push(event);
      },
    });
    envoy = await Envoy.start({ node: 'envoy', ads: Number(plane.address.split(':')[1]), loadStats: true });
    mesh = await createMesh({
      bootstrapConfig: JSON.stringify({
        xds_servers: [{ server_uri: plane.address, channel_creds: [{ type: 'insecure' }] }],
        node: { id: 'inmesh' },
        client_default_listener_resource_name_template: 'edge',
      }),
      env: {},
    });
    sides = [envoySide(envoy, port), meshSide(mesh)];
    // Envoy tells of a cluster, be it of nothing, from the moment that it counts; before that what is done is lost there.
    const counts = (name: string): boolean =>
      reports.some(
        ({ node, clusters }) => node === 'envoy' && clusters.some(({ clusterName }) => clusterName === name),
      );
    await until('Envoy counts', () => ['one', 'two', 'three'].every(counts));
    await mesh.ready({ services: ['http://shop/', 'http://again/', 'http://closed/'] });
    await until('inmesh counts', () =>
      Object.values(mesh.statistics().loadReporters).some(({ requests }) => requests > 0),
    );
  });
  after(async () => {
    for (const side of sides ?? []) await side.close();
    await envoy?.stop();
    await plane?.close();
    await app?.close();
  });

  function sums(node: string, name: string): Sums {
    const found: Sums = { ...NONE, metrics: {} };
    for (const report of reports.filter((each) => each.node === node)) {
      for (const { clusterName, totalDroppedRequests, upstreamLocalityStats } of report.clusters) {
        if (clusterName !== name) continue;
        found.dropped += Number(totalDroppedRequests);
        for (const locality of upstreamLocalityStats) {
          found.issued += Number(locality.totalIssuedRequests);
          found.ok += Number(locality.totalSuccessfulRequests);
          found.errors += Number(locality.totalErrorRequests);
          for (const { metricName, totalMetricValue } of locality.loadMetricStats) {
            found.metrics[metricName] = (found.metrics[metricName] ?? 0) + totalMetricValue;
          }
        }
      }
    }
    return found;
  }

  /** The same calls through both, and what each tells of them once that many attempts have ended. */
  async function told(
    name: string,
    authority: string,
    paths: readonly string[],
    attempts = paths.length,
  ): Promise<Record<string, Sums>> {
    const before = Object.fromEntries(sides.map((side) => [side.name, sums(side.name, name)]));
    // POST: a call that breaks off must not be made again, as inmesh would make a GET again and Envoy would not.
    for (const side of sides) for (const path of paths) await side.call({ authority, path, method: 'POST' });
    const result: Record<string, Sums> = {};
    for (const side of sides) {
      const over = (now: Sums): boolean => {
        const { ok, errors, dropped } = before[side.name] as Sums;
        return now.ok + now.errors + now.dropped - ok - errors - dropped >= attempts;
      };
      result[side.name] = await until(`${side.name} tells of ${name}`, () => {
        const now = sums(side.name, name);
        return over(now) ? now : null;
      });
    }
    return result;
  }

  it('of calls that the service served, refused and cut off', async () => {
    const { envoy: expected, inmesh } = await told('one', 'shop', [
      '/200',
      '/201',
      '/404',
      '/500',
      '/503',
      '/cut',
      '/200',
    ]);
    assert.deepEqual(expected, {
      issued: 7,
      ok: 4,
      errors: 3,
      dropped: 0,
      metrics: { eps: 15, 'named_metrics.queue': 18 },
    });
    assert.deepEqual(inmesh, expected);
  });

  it('of calls that were tried again; the servers’ own metrics by attempt, as gRPC, and not by call, as Envoy', async () => {
    const { envoy: expected, inmesh } = await told('two', 'again', ['/again', '/again', '/again'], 6);
    assert.deepEqual({ ...expected, metrics: {} }, { issued: 6, ok: 3, errors: 3, dropped: 0, metrics: {} });
    assert.deepEqual({ ...inmesh, metrics: {} }, { ...expected, metrics: {} });
    assert.deepEqual(expected?.metrics, { eps: 7.5, 'named_metrics.queue': 9 });
    assert.deepEqual(inmesh?.metrics, { eps: 15, 'named_metrics.queue': 18 });
  });

  it('of calls that the limits did not let through', async () => {
    const { envoy: expected, inmesh } = await told('three', 'closed', ['/', '/']);
    assert.equal(expected?.dropped, 2);
    assert.deepEqual(inmesh, expected);
  });
});

/** eps: 2.5 and named_metrics: { queue: 3 }, as a gRPC server or Envoy's own tests write it. */
const orca = Buffer.from([0x39, 0, 0, 0, 0, 0, 0, 0x04, 0x40, ...mapEntry()]).toString('base64');

function mapEntry(): number[] {
  const key = [0x0a, 5, ...Buffer.from('queue')];
  const value = [0x11, 0, 0, 0, 0, 0, 0, 0x08, 0x40];
  return [0x42, key.length + value.length, ...key, ...value];
}
