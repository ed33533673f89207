import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { messageType } from '@inmesh/api';
import type { DiscoveryRequest, DiscoveryResponse } from '@inmesh/api/gen/envoy/service/discovery/v3/discovery_pb';
import { grpcCode } from '@inmesh/transports/rpc';
import { AdsStream } from './ads-stream.ts';
import type { Resource } from './resource.ts';
import { resourceType } from './resource-type.ts';
import type { Snapshot } from './snapshot.ts';
import { Subscription } from './subscription.ts';

/**
 * One state-of-the-world ADS stream.
 *
 * When a response is sent:
 * - At once for names newly asked for, also where none of them exists: the client of LDS and CDS learns absence from it,
 *   Envoy ends the warming of an absent EDS or RDS resource with it (go-control-plane does the same; unlike its ADS mode,
 *   a request that does not name every endpoint set of the snapshot is answered too).
 * - On an update, if what the client sees of the type changed. LDS and CDS responses hold everything subscribed, so that a
 *   deletion shows; RDS and EDS hold everything subscribed that exists, and a deletion there sends nothing.
 * - EDS once more with a CDS response that changes a cluster.
 * - A rejected response is not repeated until content or names change.
 *
 * What is gone and still used stays in the responses, whose version then ends with `+kept`. A request with a stale nonce is
 * ignored, since the client answers the newer response too.
 */
export class SotwStream extends AdsStream<Subscription> {
  override onMessage(bytes: Uint8Array): void {
    let request: DiscoveryRequest;
    try {
      request = fromBinary(messageType<DiscoveryRequest>('envoy.service.discovery.v3.DiscoveryRequest'), bytes);
    } catch (error) {
      this.end(grpcCode.invalidArgument, `the message is no DiscoveryRequest: ${(error as Error).message}`);
      return;
    }
    this.meet(request.node);
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
    if (request.responseNonce !== '') this.hear(subscription, request.errorDetail);
    else subscription.awaiting = false;
    subscription.want(request.resourceNames);
    this.pump();
  }

  protected override sendIfDue(
    subscription: Subscription,
    snapshot: Snapshot,
    blocked: boolean,
    keepGone: boolean,
  ): void {
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
    if (subscription.asked || subscription.again || (!blocked && subscription.differs(view))) {
      if (subscription.typeUrl === resourceType.cluster && changesOne(subscription.sent, view)) this.#warm();
      this.#send(subscription, version, view);
    }
  }

  protected override lacks(subscription: Subscription, snapshot: Snapshot): boolean {
    return subscription.differs(subscription.view(snapshot.of(subscription.typeUrl)));
  }

  /**
   * Endpoints follow a changed cluster at once: Envoy warms it as a new one, waits up to 15 s for endpoints that it was told before, and
   * answers for the cluster only then.
   */
  #warm(): void {
    const endpoints = this.subscriptions.get(resourceType.endpoints);
    if (endpoints !== undefined) endpoints.again = true;
  }

  #send(subscription: Subscription, version: string, view: ReadonlyMap<string, Resource>): void {
    const nonce = this.nextNonce();
    const { typeUrl } = subscription;
    const type = messageType<DiscoveryResponse>('envoy.service.discovery.v3.DiscoveryResponse');
    const response = create(type, {
      versionInfo: version,
      typeUrl,
      nonce,
      resources: [...view.values()].map(({ any }) => any),
      controlPlane: { identifier: this.host.identifier },
    });
    subscription.asked = false;
    subscription.again = false;
    subscription.sent = view;
    this.send(subscription, version, nonce, toBinary(type, response), view.size);
  }
}

/** True where something that the client has is told anew in other words. */
function changesOne(sent: ReadonlyMap<string, Resource>, view: ReadonlyMap<string, Resource>): boolean {
  for (const [name, resource] of view) {
    const before = sent.get(name);
    if (before !== undefined && before !== resource) return true;
  }
  return false;
}
