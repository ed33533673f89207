import assert from 'node:assert/strict';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { messageType, toJson } from '@inmesh/api';
import type { LoadStatsRequest, LoadStatsResponse } from '@inmesh/api/gen/envoy/service/load_stats/v3/lrs_pb';
import {
  Backoff,
  Cluster,
  type ClusterConfig,
  type ClusterLoadAssignment,
  DEFAULT_POOL,
  DEFAULT_THRESHOLDS,
  HTTP1_UPSTREAM,
  type MessageStream,
  noConnector,
  PLAIN_TRANSPORT,
  type StreamHandlers,
  type StreamTransport,
  seededRandom,
  VirtualClock,
} from '@inmesh/core';
import { LoadReporter, type LoadReporterOptions } from './load-reporter.ts';

const requestType = () => messageType<LoadStatsRequest>('envoy.service.load_stats.v3.LoadStatsRequest');
const responseType = () => messageType<LoadStatsResponse>('envoy.service.load_stats.v3.LoadStatsResponse');

interface Wish {
  /** Null: all. */
  readonly clusters?: readonly string[] | null;
  readonly seconds?: number;
  readonly endpoints?: boolean;
}

class FakeStream implements MessageStream {
  readonly requests: LoadStatsRequest[] = [];
  closed = false;
  readonly #handlers: StreamHandlers;

  constructor(handlers: StreamHandlers) {
    this.#handlers = handlers;
  }
  send(message: Uint8Array): void {
    this.requests.push(fromBinary(requestType(), message));
  }
  pause(): void {}
  resume(): void {}
  close(): void {
    this.closed = true;
  }
  ask({ clusters = null, seconds = 10, endpoints = false }: Wish = {}): void {
    const response = create(responseType(), {
      clusters: [...(clusters ?? [])],
      sendAllClusters: clusters === null,
      loadReportingInterval: { seconds: BigInt(seconds) },
      reportEndpointGranularity: endpoints,
    });
    this.#handlers.onMessage(toBinary(responseType(), response));
  }
  say(bytes: Uint8Array): void {
    this.#handlers.onMessage(bytes);
  }
  end(code = 14): void {
    this.#handlers.onEnd({ code, message: 'gone' });
  }
}

class Scene {
  readonly clock = new VirtualClock();
  readonly streams: FakeStream[] = [];
  readonly paths: string[] = [];
  readonly reporter: LoadReporter;
  refusal: Error | null = null;

  constructor(options: Partial<LoadReporterOptions> = {}) {
    const transport: StreamTransport = {
      open: (path, _metadata, handlers) => {
        if (this.refusal !== null) throw this.refusal;
        this.paths.push(path);
        const stream = new FakeStream(handlers);
        this.streams.push(stream);
        return stream;
      },
      close: () => {},
    };
    this.reporter = new LoadReporter({
      transport,
      metadata: () => ({}),
      node: { id: 'node-1', cluster: '', metadata: {}, locality: { region: '', zone: '', subZone: '' } },
      userAgentVersion: '1.2.3',
      utilizationFields: false,
      backoff: new Backoff(() => 0.5),
      clock: this.clock,
      ...options,
    });
  }

  get stream(): FakeStream {
    const stream = this.streams.at(-1);
    assert.ok(stream, 'no stream was opened');
    return stream;
  }

  /** A cluster that is in use. */
  cluster(name: string, zones: Readonly<Record<string, readonly number[]>> = { a: [1] }): Cluster {
    const cluster = new Cluster(config(name), {
      connector: noConnector,
      clock: this.clock,
      random: seededRandom(1),
    });
    cluster.assign(assignment(name, zones));
    this.reporter.used(cluster);
    return cluster;
  }

  /** The reports since the last look, one line for each locality. */
  reports(): string[] {
    return this.stream.requests.splice(0).flatMap(({ clusterStats }) =>
      clusterStats.flatMap((each) => {
        const interval = Number(each.loadReportInterval?.seconds);
        const title = `${each.clusterName} after ${interval} s`;
        const localities = each.upstreamLocalityStats.map(
          (at) =>
            `${title}, ${at.locality?.zone}: ${at.totalIssuedRequests} issued ${at.totalSuccessfulRequests} ok ${at.totalErrorRequests} error ${at.totalRequestsInProgress} in progress`,
        );
        return each.totalDroppedRequests > 0n
          ? [...localities, `${title}: ${each.totalDroppedRequests} dropped`]
          : localities;
      }),
    );
  }
}

function config(name: string): ClusterConfig {
  return {
    name,
    statName: name,
    discovery: { kind: 'eds', serviceName: `${name}-service` },
    lb: { kind: 'round_robin' },
    connectTimeoutMs: 5_000,
    thresholds: { default: DEFAULT_THRESHOLDS, high: DEFAULT_THRESHOLDS },
    healthyPanicThreshold: 50,
    idleTimeoutMs: 0,
    maxResponseHeaderBytes: null,
    maxResponseHeaders: 100,
    maxRequestsPerConnection: 0,
    reportsLoad: true,
    loadMetrics: ['cpu_utilization', 'named_metrics.*'],
    pool: DEFAULT_POOL,
    transport: PLAIN_TRANSPORT,
    protocol: HTTP1_UPSTREAM,
    unsupported: [],
    metadata: {},
  };
}

function assignment(name: string, zones: Readonly<Record<string, readonly number[]>>): ClusterLoadAssignment {
  return {
    name,
    overprovisioningFactor: 140,
    localities: Object.entries(zones).map(([zone, ports]) => ({
      locality: { region: 'eu', zone, subZone: '' },
      priority: 0,
      weight: 0,
      endpoints: ports.map((port) => ({
        address: { kind: 'socket', host: '10.0.0.1', port },
        hostname: '',
        health: 'unknown',
        weight: 1,
        metadata: {},
      })),
    })),
  };
}

/** What the layers of a call do to the counters of an endpoint. */
function served(cluster: Cluster, port: number, { ok = 0, error = 0, open = 0 }): void {
  const endpoint = cluster.endpoints.get(`10.0.0.1:${port}`);
  assert.ok(endpoint);
  endpoint.stats.rq_total += ok + error + open;
  endpoint.stats.rq_success += ok;
  endpoint.stats.rq_error += error;
  endpoint.stats.rq_active += open;
}

describe('load reporter', () => {
  it('opens a stream with the first cluster, says who it is, and counts nothing until it is asked', () => {
    const scene = new Scene();
    assert.deepEqual(scene.paths, []);
    const cluster = scene.cluster('a');
    scene.cluster('b');
    assert.deepEqual(scene.paths, ['/envoy.service.load_stats.v3.LoadReportingService/StreamLoadStats']);
    const [hello, ...others] = scene.stream.requests;
    assert.deepEqual(others, []);
    assert.equal(hello?.node?.id, 'node-1');
    assert.ok(hello.node.clientFeatures.includes('envoy.lrs.supports_send_all_clusters'));
    assert.deepEqual(hello.clusterStats, []);
    served(cluster, 1, { ok: 5 });
    scene.clock.advance(60_000);
    scene.stream.ask();
    scene.clock.advance(10_000);
    assert.deepEqual(scene.reports(), []);
  });

  it('reports what was done in each interval, as often as the server says', () => {
    const scene = new Scene();
    const cluster = scene.cluster('a', { a: [1, 2], b: [3] });
    scene.stream.ask({ seconds: 10 });
    scene.reports();
    served(cluster, 1, { ok: 2, open: 1 });
    served(cluster, 2, { error: 1 });
    served(cluster, 3, { ok: 4 });
    cluster.stats.upstream_rq_pending_overflow += 3;
    scene.clock.advance(9_999);
    assert.deepEqual(scene.reports(), []);
    scene.clock.advance(1);
    assert.deepEqual(scene.reports(), [
      'a after 10 s, a: 4 issued 2 ok 1 error 1 in progress',
      'a after 10 s, b: 4 issued 4 ok 0 error 0 in progress',
      'a after 10 s: 3 dropped',
    ]);
    served(cluster, 1, { ok: 1, open: -1 });
    scene.clock.advance(10_000);
    assert.deepEqual(scene.reports(), ['a after 10 s, a: 0 issued 1 ok 0 error 0 in progress']);
    assert.equal(scene.reporter.stats.requests, 1);
    assert.equal(scene.reporter.stats.responses, 2);
  });

  it('says once that nothing is done any more, and then nothing until something is', () => {
    const scene = new Scene();
    const cluster = scene.cluster('a');
    scene.stream.ask({ seconds: 1 });
    served(cluster, 1, { ok: 1 });
    scene.clock.advance(1_000);
    scene.stream.requests.length = 0;
    scene.clock.advance(60_000);
    assert.equal(scene.stream.requests.length, 1);
    assert.deepEqual(scene.reports(), []);
    served(cluster, 1, { ok: 1 });
    scene.clock.advance(1_000);
    assert.deepEqual(scene.reports(), ['a after 1 s, a: 1 issued 1 ok 0 error 0 in progress']);
  });

  it('reports of the clusters that are named, the first included (defect 14 of grpc-js-xds), also of one that comes later, and no more of one that is named no more', () => {
    const scene = new Scene();
    const a = scene.cluster('a');
    scene.stream.ask({ clusters: ['b', 'c'], seconds: 1 });
    const b = scene.cluster('b');
    for (const cluster of [a, b]) served(cluster, 1, { ok: 1 });
    scene.clock.advance(1_000);
    assert.deepEqual(scene.reports(), ['b after 1 s, a: 1 issued 1 ok 0 error 0 in progress']);
    for (const cluster of [a, b]) served(cluster, 1, { ok: 1 });
    scene.stream.ask({ clusters: ['a'], seconds: 1 });
    for (const cluster of [a, b]) served(cluster, 1, { ok: 1 });
    scene.clock.advance(1_000);
    assert.deepEqual(scene.reports(), ['a after 1 s, a: 1 issued 1 ok 0 error 0 in progress']);
    scene.stream.ask({ seconds: 1 });
    for (const cluster of [a, b]) served(cluster, 1, { ok: 1 });
    scene.clock.advance(1_000);
    assert.deepEqual(scene.reports().sort(), [
      'a after 1 s, a: 1 issued 1 ok 0 error 0 in progress',
      'b after 1 s, a: 1 issued 1 ok 0 error 0 in progress',
    ]);
  });

  it('takes on a new interval at once, and is not put off by the same one', () => {
    const scene = new Scene();
    const cluster = scene.cluster('a');
    scene.stream.ask({ seconds: 100 });
    served(cluster, 1, { ok: 1 });
    scene.clock.advance(50_000);
    scene.stream.ask({ seconds: 2 });
    scene.clock.advance(1_000);
    scene.stream.ask({ seconds: 2 });
    scene.clock.advance(1_000);
    assert.deepEqual(scene.reports(), ['a after 52 s, a: 1 issued 1 ok 0 error 0 in progress']);
  });

  it('does not spin where the server gives no interval', () => {
    const scene = new Scene();
    scene.cluster('a');
    scene.stream.ask({ seconds: 0 });
    const before = scene.clock.pending;
    scene.clock.advance(1_000);
    assert.equal(scene.clock.pending, before);
    assert.ok(scene.stream.requests.length < 12, `${scene.stream.requests.length} requests`);
  });

  it('loses nothing over a break of the stream', () => {
    const scene = new Scene();
    const cluster = scene.cluster('a');
    scene.stream.ask({ clusters: ['a'], seconds: 10 });
    served(cluster, 1, { ok: 1, open: 2 });
    scene.clock.advance(5_000);
    scene.stream.end();
    served(cluster, 1, { ok: 2 });
    scene.clock.advance(1_000);
    assert.equal(scene.streams.length, 2);
    assert.equal(scene.reporter.stats.errors, 1);
    assert.equal(scene.reporter.stats.retries, 1);
    served(cluster, 1, { error: 1, open: -1 });
    assert.deepEqual(scene.reports(), []);
    scene.stream.ask({ clusters: ['a'], seconds: 10 });
    scene.clock.advance(10_000);
    assert.deepEqual(scene.reports(), ['a after 16 s, a: 5 issued 3 ok 1 error 1 in progress']);
  });

  it('waits longer from one failure to the next, and the shortest again after an answer', () => {
    const scene = new Scene();
    scene.cluster('a');
    const opened = (): number => scene.streams.length;
    scene.stream.end(12);
    scene.clock.advance(999);
    assert.equal(opened(), 1);
    scene.clock.advance(1);
    assert.equal(opened(), 2);
    scene.stream.end();
    scene.clock.advance(1_599);
    assert.equal(opened(), 2);
    scene.clock.advance(1);
    assert.equal(opened(), 3);
    scene.stream.ask();
    scene.stream.end(0);
    scene.clock.advance(1_000);
    assert.equal(opened(), 4);
    assert.equal(scene.reporter.stats.errors, 2, 'an end with OK is none');
  });

  it('survives a stream that cannot be opened, and an answer that is none', () => {
    const scene = new Scene();
    scene.refusal = new Error('no token');
    scene.cluster('a');
    scene.refusal = null;
    scene.clock.advance(1_000);
    assert.equal(scene.streams.length, 1);
    scene.stream.say(Buffer.from([0x0a, 0x7f]));
    assert.ok(scene.stream.closed);
    scene.clock.advance(2_000);
    assert.equal(scene.streams.length, 2);
  });

  it('tells the last of a cluster that is gone, with its calls in flight, and of one cluster of two meshes as one', () => {
    const scene = new Scene();
    const first = scene.cluster('a');
    const second = scene.cluster('a', { b: [2] });
    scene.stream.ask({ seconds: 1 });
    served(first, 1, { open: 1 });
    served(second, 2, { ok: 1 });
    scene.reporter.gone(first);
    scene.clock.advance(1_000);
    const [report, ...others] = scene.stream.requests.splice(0).flatMap(({ clusterStats }) => clusterStats);
    assert.deepEqual(others, []);
    assert.equal(report?.clusterServiceName, 'a-service');
    assert.equal(report.upstreamLocalityStats.length, 2);
    scene.reporter.gone(second);
    served(first, 1, { ok: 1, open: -1 });
    scene.clock.advance(1_000);
    assert.deepEqual(scene.reports(), ['a after 1 s, a: 0 issued 1 ok 0 error 0 in progress']);
  });

  it('keeps a bounded number of clusters that are gone while the server is away', () => {
    const scene = new Scene();
    scene.cluster('first');
    scene.stream.ask({ seconds: 1 });
    scene.reports();
    scene.stream.end();
    for (let i = 0; i < 1_200; i++) {
      const cluster = scene.cluster(`c${i}`);
      served(cluster, 1, { ok: 1 });
      scene.reporter.gone(cluster);
    }
    scene.clock.advance(1_000);
    scene.stream.ask({ seconds: 1 });
    scene.clock.advance(1_000);
    const told = scene.reports();
    assert.equal(told.length, 1_000);
    assert.match(told.at(-1) ?? '', /^c1199 /);
  });

  for (const utilizationFields of [false, true]) {
    it(`tells endpoints and metrics, utilization ${utilizationFields ? 'apart as gRPC' : 'among the others as Envoy'}`, () => {
      const scene = new Scene({ utilizationFields });
      const cluster = scene.cluster('a', { a: [1, 2] });
      scene.stream.ask({ seconds: 1, endpoints: true });
      const [endpoint] = cluster.endpoints.values();
      assert.ok(endpoint);
      const load = cluster.startLoad();
      load.addMetric(endpoint, 'cpu_utilization', 0.5);
      load.addMetric(endpoint, 'named_metrics.queue', 3);
      load.addMetric(endpoint, 'named_metrics.queue', 4);
      served(cluster, 1, { ok: 2 });
      scene.stream.requests.length = 0;
      scene.clock.advance(1_000);
      const [locality] = scene.stream.requests[0]?.clusterStats[0]?.upstreamLocalityStats ?? [];
      assert.ok(locality);
      const json = toJson(messageType('envoy.config.endpoint.v3.UpstreamLocalityStats'), locality, {
        useProtoFieldName: true,
      }) as Record<string, unknown>;
      const cpu = { num_requests_finished_with_metric: '1', total_metric_value: 0.5 };
      const named = {
        metric_name: 'named_metrics.queue',
        num_requests_finished_with_metric: '2',
        total_metric_value: 7,
      };
      const among = [{ metric_name: 'cpu_utilization', ...cpu }, named];
      assert.deepEqual(json.cpu_utilization, utilizationFields ? cpu : undefined);
      assert.deepEqual(json.load_metric_stats, utilizationFields ? [named] : among);
      assert.deepEqual(json.upstream_endpoint_stats, [
        {
          address: { socket_address: { address: '10.0.0.1', port_value: 1 } },
          total_successful_requests: '2',
          total_issued_requests: '2',
          load_metric_stats: among,
        },
      ]);
    });
  }

  it('tells what is left when it is closed, and nothing after that', () => {
    const scene = new Scene();
    const cluster = scene.cluster('a');
    scene.stream.ask({ seconds: 10 });
    served(cluster, 1, { ok: 1 });
    scene.clock.advance(3_000);
    let closed = 0;
    scene.reporter.close(() => closed++);
    assert.deepEqual(scene.reports(), ['a after 3 s, a: 1 issued 1 ok 0 error 0 in progress']);
    assert.ok(!scene.stream.closed, 'what was sent may not have left yet');
    scene.clock.advance(0);
    assert.ok(scene.stream.closed);
    assert.equal(closed, 1);
    assert.equal(scene.clock.pending, 0);
    scene.cluster('b');
    assert.equal(scene.streams.length, 1);
  });
});
