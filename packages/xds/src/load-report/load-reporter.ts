import {
  type Backoff,
  type Clock,
  type Cluster,
  type MessageStream,
  outsideContext,
  type StreamStatus,
  type StreamTransport,
  type Timer,
} from '@inmesh/core';
import type { AdsNode } from '../ads/node.ts';
import { TrackedCluster } from './tracked-cluster.ts';
import { type ClusterReport, decodeLoadRequest, encodeHello, encodeReports, type LoadRequest } from './wire.ts';

/** Envoy's counters of a load reporter (`load_reporter.requests` …), bumped in place. */
export interface LoadReporterStats {
  /** Times that the server said what it wants to be told. */
  requests: number;
  /** Reports that were sent. */
  responses: number;
  /** Streams that failed. */
  errors: number;
  /** Streams that were opened after another one. */
  retries: number;
}

export interface LoadReporterOptions {
  readonly transport: StreamTransport;
  /** Request headers of a stream, asked for anew for each. */
  readonly metadata: () => Readonly<Record<string, string>>;
  readonly node: AdsNode;
  readonly userAgentVersion: string;
  /** See `ReportStyle`. */
  readonly utilizationFields: boolean;
  readonly backoff: Backoff;
  readonly clock: Clock;
}

const path = '/envoy.service.load_stats.v3.LoadReportingService/StreamLoadStats';

/**
 * Clusters without a mesh that are kept for their last report at most, while the server cannot be reached. Beyond that the oldest
 * are given up: an outage must not cost memory without an end.
 */
const mostLeaving = 1_000;

/**
 * Tells one server what the clusters of this process were given to do (LRS v3). The server says of which clusters, and how often; until
 * it has said so nothing is counted. What it said is heeded over a break of the stream: what was done meanwhile is told with the first
 * report after it. A report is sent once; nothing tells whether one that was on its way when the stream broke has arrived.
 */
export class LoadReporter {
  readonly stats: LoadReporterStats = { requests: 0, responses: 0, errors: 0, retries: 0 };
  readonly #options: LoadReporterOptions;
  readonly #clusters = new Set<Cluster>();
  readonly #tracked = new Map<string, TrackedCluster>();
  #request: LoadRequest | null = null;
  #stream: MessageStream | null = null;
  /** The server has said on this stream what it wants. */
  #heard = false;
  /** Until the next stream, or the next report. */
  #timer: Timer | null = null;
  /** The last report told of something: one more, which may be empty, says that it is over. */
  #told = false;
  #state: 'idle' | 'open' | 'backoff' | 'closed' = 'idle';

  constructor(options: LoadReporterOptions) {
    this.#options = options;
  }

  /** Calls can go to the cluster from now on; or its settings changed. The first one opens the stream. */
  used(cluster: Cluster): void {
    if (this.#state === 'closed') return;
    this.#clusters.add(cluster);
    if (this.#isWanted(cluster.name)) this.#track(cluster);
    if (this.#state === 'idle') this.#open();
  }

  gone(cluster: Cluster): void {
    if (!this.#clusters.delete(cluster)) return;
    const tracked = this.#tracked.get(cluster.name);
    tracked?.remove(cluster);
    this.#boundLeaving();
  }

  /** Says what is left to say, and nothing any more. `closed` is called when the stream has ended; nobody knows whether the server has read it all. */
  close(closed: () => void): void {
    if (this.#heard) this.#report();
    this.#state = 'closed';
    this.#timer?.cancel();
    const stream = this.#stream;
    this.#stream = null;
    if (stream === null) closed();
    else {
      // The end of a stream overtakes what waits to be written on it.
      outsideContext(() =>
        this.#options.clock.afterInput(() => {
          stream.close();
          closed();
        }),
      );
    }
    for (const tracked of this.#tracked.values()) tracked.stop();
    this.#tracked.clear();
    this.#clusters.clear();
  }

  #open(): void {
    this.#state = 'open';
    const { transport, metadata, node, userAgentVersion } = this.#options;
    let ended = false;
    try {
      const stream = outsideContext(() =>
        transport.open(path, metadata(), {
          onMessage: (message) => this.#onMessage(message),
          onEnd: (status) => {
            ended = true;
            this.#ended(status);
          },
        }),
      );
      if (ended) return;
      this.#stream = stream;
      stream.send(encodeHello(node, userAgentVersion));
    } catch {
      // A token that cannot be read, say: worth another try.
      this.#stream?.close();
      this.#ended({ code: internal, message: '' });
    }
  }

  #onMessage(message: Uint8Array): void {
    let request: LoadRequest;
    try {
      request = decodeLoadRequest(message);
    } catch {
      this.#stream?.close();
      this.#ended({ code: internal, message: '' });
      return;
    }
    this.stats.requests++;
    this.#options.backoff.reset();
    const before = this.#request;
    this.#request = request;
    for (const [name, tracked] of this.#tracked) {
      if (this.#isWanted(name)) continue;
      tracked.stop();
      this.#tracked.delete(name);
    }
    for (const cluster of this.#clusters) if (this.#isWanted(cluster.name)) this.#track(cluster);
    // A server that says the same again and again must not put off the report for ever.
    if (this.#heard && before?.intervalMs === request.intervalMs) return;
    this.#heard = true;
    this.#waitForReport();
  }

  #waitForReport(): void {
    const { clock } = this.#options;
    this.#timer?.cancel();
    this.#timer = clock.setTimer(this.#request?.intervalMs ?? 0, () => this.#report(), { unref: true });
  }

  #report(): void {
    this.#waitForReport();
    const now = this.#options.clock.now();
    const reports: ClusterReport[] = [];
    for (const [name, tracked] of this.#tracked) {
      const report = tracked.take(now);
      if (report !== null) reports.push(report);
      if (tracked.over) this.#tracked.delete(name);
    }
    if (reports.length === 0 && !this.#told) return;
    this.#told = reports.length > 0;
    const { utilizationFields } = this.#options;
    this.#stream?.send(encodeReports(reports, { endpoints: this.#request?.endpoints ?? false, utilizationFields }));
    this.stats.responses++;
  }

  #ended({ code }: StreamStatus): void {
    this.#stream = null;
    this.#heard = false;
    this.#timer?.cancel();
    if (this.#state === 'closed') return;
    if (code !== 0) this.stats.errors++;
    this.#state = 'backoff';
    const { clock, backoff } = this.#options;
    this.#timer = clock.setTimer(
      backoff.next(),
      () => {
        this.stats.retries++;
        this.#open();
      },
      { unref: true },
    );
  }

  #isWanted(name: string): boolean {
    return this.#request !== null && (this.#request.clusters?.has(name) ?? true);
  }

  #track(cluster: Cluster): void {
    let tracked = this.#tracked.get(cluster.name);
    if (tracked === undefined) {
      tracked = new TrackedCluster(cluster.name, this.#options.clock.now());
      this.#tracked.set(cluster.name, tracked);
    }
    tracked.add(cluster);
  }

  #boundLeaving(): void {
    if (this.#tracked.size - this.#clusters.size <= mostLeaving) return;
    for (const [name, tracked] of this.#tracked) {
      if (tracked.live) continue;
      tracked.stop();
      this.#tracked.delete(name);
      return;
    }
  }
}

/** gRPC's INTERNAL. */
const internal = 13;
