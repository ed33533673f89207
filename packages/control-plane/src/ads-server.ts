import { type Clock, systemClock } from '@inmesh/core';
import { type GrpcServer, grpcCode, grpcServer, type ListenAt } from '@inmesh/transports/rpc';
import type { OnEvent } from './events.ts';
import { Snapshot } from './snapshot.ts';
import { SotwStream, type StreamHost, userAgentOf } from './sotw-stream.ts';
import type { Nack } from './subscription.ts';

/** What one node has of one type. */
export interface TypeStatus {
  /** `*` for all. */
  readonly subscribed: readonly string[];
  readonly sentVersion: string | null;
  readonly ackedVersion: string | null;
  /** Set while the last response that the node answered was rejected. */
  readonly nack: Nack | null;
}

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

const sotwPath = '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources';

/** Serves snapshots over ADS. One class per protocol hears the streams; delta will be a second path beside the first. */
export class AdsServer implements StreamHost {
  readonly identifier: string;
  readonly onEvent: OnEvent;
  readonly #server: GrpcServer;
  readonly #streams = new Set<SotwStream>();
  readonly #byNode = new Map<string, Snapshot>();
  #default = Snapshot.empty;

  constructor(identifier: string, clock: Clock, onEvent: OnEvent) {
    this.identifier = identifier;
    this.onEvent = onEvent;
    this.#server = grpcServer({
      services: {
        [sotwPath]: (stream) => {
          const made = new SotwStream(stream, this, clock.wallNow());
          this.#streams.add(made);
          return made;
        },
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

  ended(stream: SotwStream): void {
    this.#streams.delete(stream);
  }

  nodes(): NodeStatus[] {
    return [...this.#streams].filter((stream) => stream.node !== null).map(statusOf);
  }

  /** Tells every client to go elsewhere, gives them a moment to hear it, then cuts what is left. */
  async close(): Promise<void> {
    for (const stream of this.#streams) stream.end(grpcCode.unavailable, 'the control plane is shutting down');
    const patience = Promise.withResolvers<void>();
    const timer = systemClock.setTimer(patienceMs, patience.resolve); // Real time: a stopped client must not hold up a virtual one.
    await Promise.race([this.#server.close(), patience.promise]);
    timer.cancel();
    await this.#server.destroy();
  }
}

/** Milliseconds that clients have at the end to take their status; on a loopback they need one or two. */
const patienceMs = 250;

function statusOf(stream: SotwStream): NodeStatus {
  const types: Record<string, TypeStatus> = {};
  for (const [typeUrl, { wildcard, names, sentVersion, ackedVersion, nack }] of stream.subscriptions) {
    types[typeUrl] = { subscribed: [...(wildcard ? ['*'] : []), ...names], sentVersion, ackedVersion, nack };
  }
  const { node, peer, connectedAt } = stream;
  return {
    id: stream.nodeId,
    cluster: node?.cluster ?? '',
    userAgent: node === null ? '' : userAgentOf(node),
    peer,
    connectedAt,
    types,
  };
}
