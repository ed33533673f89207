import type { Node } from '@inmesh/api/gen/envoy/config/core/v3/base_pb';
import { type GrpcServerHandlers, type GrpcServerStream, grpcCode } from '@inmesh/transports/rpc';
import type { OnEvent } from './events.ts';
import { resourceType, updateOrder } from './resource-type.ts';
import type { Snapshot } from './snapshot.ts';
import type { Answer, StreamSubscription, TypeStatus } from './stream-subscription.ts';

/** What a stream needs from the server it belongs to. */
export interface StreamHost {
  /** Names the server in its responses. */
  readonly identifier: string;
  readonly onEvent: OnEvent;
  snapshotFor(nodeId: string): Snapshot;
  ended(stream: ServedStream): void;
}

/** A stream as its server sees it, whatever the variant. */
export interface ServedStream extends GrpcServerHandlers {
  readonly node: Node | null;
  readonly nodeId: string;
  /** `host:port`, or `unix`. */
  readonly peer: string;
  /** Milliseconds since the epoch. */
  readonly connectedAt: number;
  /** By type URL. */
  status(): Record<string, TypeStatus>;
  /** Sends whatever may go out now; called after every request and every update. */
  pump(): void;
  end(code: number, message: string): void;
}

/**
 * What both variants of ADS have in common: who is connected, and when a type's turn to be updated has come.
 *
 * For each type a response goes out only after the one before was answered, so a slow client gets the newest state and no
 * queue builds up. Updates go make-before-break: CDS, EDS, LDS, RDS, each once those before are answered; clusters and
 * endpoints that are gone stay until the client has accepted the listeners and routes that no longer use them.
 */
export abstract class AdsStream<S extends StreamSubscription> implements ServedStream {
  readonly peer: string;
  readonly connectedAt: number;
  readonly subscriptions: Map<string, S> = new Map();
  node: Node | null = null;
  protected readonly host: StreamHost;
  readonly #stream: GrpcServerStream;
  #nonce = 0;

  /** `now`: milliseconds since the epoch, to show. */
  constructor(stream: GrpcServerStream, host: StreamHost, now: number) {
    this.peer = stream.peer;
    this.connectedAt = now;
    this.#stream = stream;
    this.host = host;
  }

  get nodeId(): string {
    return this.node?.id ?? '';
  }

  abstract onMessage(bytes: Uint8Array): void;

  /** Sends what is due of this type. `blocked`: only an answer to what was newly asked for; `keepGone`: tell no deletion. */
  protected abstract sendIfDue(subscription: S, snapshot: Snapshot, blocked: boolean, keepGone: boolean): void;

  /** Whether the client lacks anything of what it should have of this type. */
  protected abstract lacks(subscription: S, snapshot: Snapshot): boolean;

  onHalfClose(): void {
    this.end(grpcCode.ok, '');
  }

  onClose(reason: string | null): void {
    this.host.ended(this);
    const event = { node: this.nodeId, peer: this.peer, reason: reason ?? 'ended by the server' };
    if (this.node !== null) this.host.onEvent({ type: 'disconnected', ...event });
  }

  end(code: number, message: string): void {
    this.#stream.end({ code, message });
  }

  status(): Record<string, TypeStatus> {
    return Object.fromEntries(
      [...this.subscriptions].map(([typeUrl, subscription]) => [typeUrl, subscription.status()]),
    );
  }

  pump(): void {
    const snapshot = this.host.snapshotFor(this.nodeId);
    const settled = this.#settled(snapshot, resourceType.listener) && this.#settled(snapshot, resourceType.route);
    let blocked = false;
    for (const typeUrl of updateOrder) {
      const subscription = this.subscriptions.get(typeUrl);
      if (subscription === undefined) continue;
      const isPointedAt = typeUrl === resourceType.cluster || typeUrl === resourceType.endpoints;
      if (!subscription.awaiting) this.sendIfDue(subscription, snapshot, blocked, !settled && isPointedAt);
      blocked ||= subscription.awaiting;
    }
    for (const subscription of this.subscriptions.values()) {
      if (updateOrder.includes(subscription.typeUrl) || subscription.awaiting) continue;
      this.sendIfDue(subscription, snapshot, false, false);
    }
  }

  protected nextNonce(): string {
    return String(++this.#nonce);
  }

  protected send(subscription: S, version: string, nonce: string, bytes: Uint8Array, resources: number): void {
    subscription.awaiting = true;
    subscription.sentVersion = version;
    subscription.sentNonce = nonce;
    this.#stream.send(bytes);
    this.host.onEvent({ type: 'sent', node: this.nodeId, typeUrl: subscription.typeUrl, version, resources });
  }

  /** The client's answer to the last response of a type. */
  protected hear(subscription: S, answer: Answer): void {
    const { typeUrl } = subscription;
    const version = subscription.sentVersion ?? '';
    if (!subscription.awaiting) return; // Names changed, after the answer.
    subscription.awaiting = false;
    if (answer !== undefined) {
      const { code, message } = answer;
      subscription.nack = { version, code, message };
      this.host.onEvent({ type: 'nack', node: this.nodeId, typeUrl, version, code, message });
    } else {
      subscription.nack = null;
      subscription.ackedVersion = version;
      this.host.onEvent({ type: 'ack', node: this.nodeId, typeUrl, version });
    }
  }

  /** The node is told once, in the first request of a stream. */
  protected meet(node: Node | undefined): void {
    if (this.node !== null || node === undefined) return;
    this.node = node;
    this.host.onEvent({ type: 'connected', node: node.id, peer: this.peer, userAgent: userAgentOf(node) });
  }

  /** The client has, and accepted, what it should have of this type; or does not want any. */
  #settled(snapshot: Snapshot, typeUrl: string): boolean {
    const subscription = this.subscriptions.get(typeUrl);
    if (subscription === undefined) return true;
    return !subscription.awaiting && subscription.nack === null && !this.lacks(subscription, snapshot);
  }
}

/** `envoy 1.40.0`; empty where the node tells none. */
export function userAgentOf(node: Node): string {
  const { userAgentName: name, userAgentVersionType: version } = node;
  if (version.case === 'userAgentVersion') return `${name} ${version.value}`;
  const number = version.case === 'userAgentBuildVersion' ? version.value.version : undefined;
  return number === undefined ? name : `${name} ${number.majorNumber}.${number.minorNumber}.${number.patch}`;
}
