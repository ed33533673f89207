import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { messageType } from '@inmesh/api';
import type { Node } from '@inmesh/api/gen/envoy/config/core/v3/base_pb';
import type { DiscoveryRequest, DiscoveryResponse } from '@inmesh/api/gen/envoy/service/discovery/v3/discovery_pb';
import { type GrpcServerHandlers, type GrpcServerStream, grpcCode } from '@inmesh/transports/rpc';
import type { OnEvent } from './events.ts';
import type { Resource } from './resource.ts';
import { isPointedAt, resourceType, updateOrder } from './resource-type.ts';
import type { Snapshot } from './snapshot.ts';
import { Subscription } from './subscription.ts';

/** What a stream needs from the server it belongs to. */
export interface StreamHost {
  /** Names the server in its responses. */
  readonly identifier: string;
  readonly onEvent: OnEvent;
  snapshotFor(nodeId: string): Snapshot;
  ended(stream: SotwStream): void;
}

/**
 * One state-of-the-world ADS stream.
 *
 * When a response is sent:
 * - At once for names newly asked for, also where none of them exists: the client of LDS and CDS learns absence from it,
 *   Envoy ends the warming of an absent EDS or RDS resource with it (go-control-plane does the same; unlike its ADS mode,
 *   a request that does not name every endpoint set of the snapshot is answered too).
 * - On an update, if what the client sees of the type changed. LDS and CDS responses hold everything subscribed, so that a
 *   deletion shows; RDS and EDS hold everything subscribed that exists, and a deletion there sends nothing.
 * - For each type only after the one before was answered, so a slow client gets the newest state and no queue builds up.
 *   A rejected response is not repeated until content or names change.
 *
 * Updates go make-before-break: CDS, EDS, LDS, RDS, each once those before are answered; clusters and endpoints that are
 * gone stay in the responses (version with `+kept`) until the client has accepted the listeners and routes that no longer use them.
 *
 * A request with a stale nonce is ignored, since the client answers the newer response too.
 */
export class SotwStream implements GrpcServerHandlers {
  readonly peer: string;
  readonly connectedAt: number;
  readonly subscriptions: Map<string, Subscription> = new Map();
  node: Node | null = null;
  readonly #stream: GrpcServerStream;
  readonly #host: StreamHost;
  #nonce = 0;

  /** `now`: milliseconds since the epoch, to show. */
  constructor(stream: GrpcServerStream, host: StreamHost, now: number) {
    this.peer = stream.peer;
    this.connectedAt = now;
    this.#stream = stream;
    this.#host = host;
  }

  get nodeId(): string {
    return this.node?.id ?? '';
  }

  onMessage(bytes: Uint8Array): void {
    let request: DiscoveryRequest;
    try {
      request = fromBinary(messageType<DiscoveryRequest>('envoy.service.discovery.v3.DiscoveryRequest'), bytes);
    } catch (error) {
      this.end(grpcCode.invalidArgument, `the message is no DiscoveryRequest: ${(error as Error).message}`);
      return;
    }
    this.#meet(request);
    if (request.typeUrl === '') {
      this.end(grpcCode.invalidArgument, 'type_url is empty; on an aggregated stream each request must give it');
      return;
    }
    let subscription = this.subscriptions.get(request.typeUrl);
    if (subscription === undefined) {
      subscription = new Subscription(request.typeUrl);
      this.subscriptions.set(request.typeUrl, subscription);
    } else if (request.responseNonce === '') {
      subscription.asked = true; // The client starts this type afresh.
    } else if (request.responseNonce !== subscription.sentNonce) {
      return;
    }
    if (request.responseNonce !== '') this.#hear(subscription, request);
    else subscription.awaiting = false;
    subscription.want(request.resourceNames);
    this.pump();
  }

  onHalfClose(): void {
    this.end(grpcCode.ok, '');
  }

  onClose(reason: string | null): void {
    this.#host.ended(this);
    const event = { node: this.nodeId, peer: this.peer, reason: reason ?? 'ended by the server' };
    if (this.node !== null) this.#host.onEvent({ type: 'disconnected', ...event });
  }

  end(code: number, message: string): void {
    this.#stream.end({ code, message });
  }

  /** Sends whatever may go out now; called after every request and every update. */
  pump(): void {
    const snapshot = this.#host.snapshotFor(this.nodeId);
    const settled = this.#settled(snapshot, resourceType.listener) && this.#settled(snapshot, resourceType.route);
    let blocked = false;
    for (const typeUrl of updateOrder) {
      const subscription = this.subscriptions.get(typeUrl);
      if (subscription === undefined) continue;
      if (!subscription.awaiting) this.#sendIfDue(subscription, snapshot, blocked, !settled && isPointedAt(typeUrl));
      blocked ||= subscription.awaiting;
    }
    for (const subscription of this.subscriptions.values()) {
      if (updateOrder.includes(subscription.typeUrl) || subscription.awaiting) continue;
      this.#sendIfDue(subscription, snapshot, false, false);
    }
  }

  #sendIfDue(subscription: Subscription, snapshot: Snapshot, blocked: boolean, keepGone: boolean): void {
    const state = snapshot.of(subscription.typeUrl);
    let view = subscription.view(state);
    let version = state.version;
    if (keepGone) {
      const gone = [...subscription.sent].filter(([name]) => !view.has(name));
      if (gone.length > 0) {
        view = new Map([...view, ...gone]);
        version += '+kept';
      }
    }
    if (subscription.asked || (!blocked && subscription.differs(view))) this.#send(subscription, version, view);
  }

  /** The client has, and accepted, what it should have of this type; or does not want any. */
  #settled(snapshot: Snapshot, typeUrl: string): boolean {
    const subscription = this.subscriptions.get(typeUrl);
    if (subscription === undefined) return true;
    const { awaiting, nack } = subscription;
    return !awaiting && nack === null && !subscription.differs(subscription.view(snapshot.of(typeUrl)));
  }

  #send(subscription: Subscription, version: string, view: ReadonlyMap<string, Resource>): void {
    const nonce = String(++this.#nonce);
    const { typeUrl } = subscription;
    const type = messageType<DiscoveryResponse>('envoy.service.discovery.v3.DiscoveryResponse');
    const response = create(type, {
      versionInfo: version,
      typeUrl,
      nonce,
      resources: [...view.values()].map(({ any }) => any),
      controlPlane: { identifier: this.#host.identifier },
    });
    subscription.asked = false;
    subscription.awaiting = true;
    subscription.sent = view;
    subscription.sentVersion = version;
    subscription.sentNonce = nonce;
    this.#stream.send(toBinary(type, response));
    this.#host.onEvent({ type: 'sent', node: this.nodeId, typeUrl, version, resources: view.size });
  }

  #hear(subscription: Subscription, request: DiscoveryRequest): void {
    const { typeUrl } = subscription;
    const version = subscription.sentVersion ?? '';
    if (!subscription.awaiting) return; // Names changed, after the answer.
    subscription.awaiting = false;
    if (request.errorDetail !== undefined) {
      const { code, message } = request.errorDetail;
      subscription.nack = { version, code, message };
      this.#host.onEvent({ type: 'nack', node: this.nodeId, typeUrl, version, code, message });
    } else {
      subscription.nack = null;
      subscription.ackedVersion = version;
      this.#host.onEvent({ type: 'ack', node: this.nodeId, typeUrl, version });
    }
  }

  /** The node is told once, in the first request of a stream. */
  #meet({ node }: DiscoveryRequest): void {
    if (this.node !== null || node === undefined) return;
    this.node = node;
    this.#host.onEvent({ type: 'connected', node: node.id, peer: this.peer, userAgent: userAgentOf(node) });
  }
}

/** `envoy 1.40.0`; empty where the node tells none. */
export function userAgentOf(node: Node): string {
  const { userAgentName: name, userAgentVersionType: version } = node;
  if (version.case === 'userAgentVersion') return `${name} ${version.value}`;
  const number = version.case === 'userAgentBuildVersion' ? version.value.version : undefined;
  return number === undefined ? name : `${name} ${number.majorNumber}.${number.minorNumber}.${number.patch}`;
}
