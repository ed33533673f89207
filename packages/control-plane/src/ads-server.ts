import { type Clock, systemClock } from '@inmesh/core';
import { type GrpcServer, type GrpcServerMethod, grpcCode, grpcServer, type ListenAt } from '@inmesh/transports/rpc';
import { type ServedStream, type StreamHost, userAgentOf } from './ads-stream.ts';
import { DeltaStream } from './delta-stream.ts';
import type { OnEvent } from './events.ts';
import { type LoadReportOptions, LoadReports, loadReportPath } from './load-reports.ts';
import { Snapshot } from './snapshot.ts';
import { SotwStream } from './sotw-stream.ts';
import type { TypeStatus } from './stream-subscription.ts';

/** One connected node; a node with two streams is listed twice. */
export interface NodeStatus {
  readonly id: string;
  readonly cluster: string;
  readonly userAgent: string;
  /** `host:port`, or `unix`. */
  readonly peer: string;
  /** Milliseconds since the epoch. */
  readonly connectedAt: number;
  /** By type URL. */
  readonly types: Readonly<Record<string, TypeStatus>>;
}

/** Which variants of ADS a server speaks: state of the world, and incremental. */
export type AdsVariant = 'sotw' | 'delta';

const service = '/envoy.service.discovery.v3.AggregatedDiscoveryService';

/** Serves snapshots over ADS, in both variants side by side. */
export class AdsServer implements StreamHost {
  readonly identifier: string;
  readonly onEvent: OnEvent;
  readonly #server: GrpcServer;
  readonly #loadReports: LoadReports | null;
  readonly #streams = new Set<ServedStream>();
  readonly #byNode = new Map<string, Snapshot>();
  #default = Snapshot.empty;

  /** `loadReports`: what clients are asked to report; null leaves the service out. */
  constructor(
    identifier: string,
    clock: Clock,
    onEvent: OnEvent,
    variants: readonly AdsVariant[],
    loadReports: LoadReportOptions | null,
  ) {
    this.identifier = identifier;
    this.onEvent = onEvent;
    const method =
      (Stream: typeof SotwStream | typeof DeltaStream): GrpcServerMethod =>
      (stream) => {
        const made = new Stream(stream, this, clock.wallNow());
        this.#streams.add(made);
        return made;
      };
    this.#loadReports = loadReports === null ? null : new LoadReports(loadReports, onEvent);
    this.#server = grpcServer({
      services: {
        ...(variants.includes('sotw') && { [`${service}/StreamAggregatedResources`]: method(SotwStream) }),
        ...(variants.includes('delta') && { [`${service}/DeltaAggregatedResources`]: method(DeltaStream) }),
        ...(this.#loadReports !== null && { [loadReportPath]: this.#loadReports.method }),
      },
    });
  }

  /** Resolves to a target: `host:port` or `unix:path`. */
  listen(at: ListenAt): Promise<string> {
    return this.#server.listen(at);
  }

  /** What a node is served: its own snapshot, or that of all others. */
  snapshotFor(nodeId: string): Snapshot {
    return this.#byNode.get(nodeId) ?? this.#default;
  }

  /** Serves a snapshot to one node, or with null to all that have none of their own. */
  setSnapshot(snapshot: Snapshot, nodeId: string | null): void {
    if (nodeId === null) this.#default = snapshot;
    else this.#byNode.set(nodeId, snapshot);
    for (const stream of this.#streams) stream.pump();
  }

  /** Serves to a node what all others get. */
  clearSnapshot(nodeId: string): void {
    this.#byNode.delete(nodeId);
    for (const stream of this.#streams) stream.pump();
  }

  /** Asks the clients for other reports of their load. */
  askLoad(options: LoadReportOptions): void {
    if (this.#loadReports === null) throw new TypeError('load reports were not asked for at the start');
    this.#loadReports.ask(options);
  }

  ended(stream: ServedStream): void {
    this.#streams.delete(stream);
  }

  nodes(): NodeStatus[] {
    return [...this.#streams].filter((stream) => stream.node !== null).map(statusOf);
  }

  /** Tells every client to go elsewhere, gives them a moment to hear it, then cuts what is left. */
  async close(): Promise<void> {
    for (const stream of this.#streams) stream.end(grpcCode.unavailable, 'the control plane is shutting down');
    this.#loadReports?.end(grpcCode.unavailable, 'the control plane is shutting down');
    const patience = Promise.withResolvers<void>();
    const timer = systemClock.setTimer(patienceMs, patience.resolve); // Real time: a stopped client must not hold up a virtual one.
    await Promise.race([this.#server.close(), patience.promise]);
    timer.cancel();
    await this.#server.destroy();
  }
}

/** Milliseconds that clients have at the end to take their status; on a loopback they need one or two. */
const patienceMs = 250;

function statusOf(stream: ServedStream): NodeStatus {
  const { node, peer, connectedAt } = stream;
  return {
    id: stream.nodeId,
    cluster: node?.cluster ?? '',
    userAgent: node === null ? '' : userAgentOf(node),
    peer,
    connectedAt,
    types: stream.status(),
  };
}
