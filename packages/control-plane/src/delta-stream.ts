import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { messageType } from '@inmesh/api';
import type { Cluster } from '@inmesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import type {
  DeltaDiscoveryRequest,
  DeltaDiscoveryResponse,
} from '@inmesh/api/gen/envoy/service/discovery/v3/discovery_pb';
import { grpcCode } from '@inmesh/transports/rpc';
import { AdsStream } from './ads-stream.ts';
import { type DeltaChange, DeltaSubscription } from './delta-subscription.ts';
import type { Resource } from './resource.ts';
import { resourceType } from './resource-type.ts';
import type { Snapshot } from './snapshot.ts';

/**
 * One incremental ADS stream.
 *
 * A response holds what the client lacks, and names what it has or asked for that does not exist. Unlike in the other variant
 * a request with a stale nonce still counts for its names, because they are changes and are said once.
 * The endpoints of a cluster go out once more with a response that changes the cluster.
 */
export class DeltaStream extends AdsStream<DeltaSubscription> {
  override onMessage(bytes: Uint8Array): void {
    let request: DeltaDiscoveryRequest;
    try {
      request = fromBinary(
        messageType<DeltaDiscoveryRequest>('envoy.service.discovery.v3.DeltaDiscoveryRequest'),
        bytes,
      );
    } catch (error) {
      this.end(grpcCode.invalidArgument, `the message is no DeltaDiscoveryRequest: ${(error as Error).message}`);
      return;
    }
    const { typeUrl, responseNonce, errorDetail, node } = request;
    this.meet(node);
    if (typeUrl === '') {
      this.end(grpcCode.invalidArgument, 'type_url is empty; on an aggregated stream each request must give it');
      return;
    }
    const subscription = this.subscriptions.get(typeUrl) ?? new DeltaSubscription(typeUrl);
    this.subscriptions.set(typeUrl, subscription);
    if (responseNonce !== '' && responseNonce === subscription.sentNonce) this.hear(subscription, errorDetail);
    subscription.want(request);
    this.pump();
  }

  protected override sendIfDue(
    subscription: DeltaSubscription,
    snapshot: Snapshot,
    blocked: boolean,
    keepGone: boolean,
  ): void {
    if (blocked && !subscription.asked) return;
    const state = snapshot.of(subscription.typeUrl);
    const change = subscription.change(state, keepGone);
    if (!subscription.asked && change.resources.length === 0 && change.removed.length === 0) return;
    if (subscription.typeUrl === resourceType.cluster) this.#warm(subscription, change, snapshot);
    this.#send(subscription, state.version, change);
  }

  protected override lacks(subscription: DeltaSubscription, snapshot: Snapshot): boolean {
    const { resources, removed } = subscription.change(snapshot.of(subscription.typeUrl), false);
    return resources.length > 0 || removed.length > 0;
  }

  /** Envoy warms a changed cluster as a new one, and does not ask again for endpoints that it was told before: it would wait 15 s for them. */
  #warm(clusters: DeltaSubscription, { resources }: DeltaChange, snapshot: Snapshot): void {
    const endpoints = this.subscriptions.get(resourceType.endpoints);
    if (endpoints === undefined) return;
    const names = new Set(resources.filter(({ name }) => clusters.holds(name)).map(endpointsOf));
    endpoints.again(names, snapshot.of(resourceType.endpoints));
  }

  #send(subscription: DeltaSubscription, version: string, change: DeltaChange): void {
    const nonce = this.nextNonce();
    const { typeUrl } = subscription;
    const type = messageType<DeltaDiscoveryResponse>('envoy.service.discovery.v3.DeltaDiscoveryResponse');
    const response = create(type, {
      systemVersionInfo: version,
      typeUrl,
      nonce,
      resources: change.resources.map(({ name, version: own, any }) => ({ name, version: own, resource: any })),
      removedResources: [...change.removed],
      controlPlane: { identifier: this.host.identifier },
    });
    subscription.sent(change);
    this.send(subscription, version, nonce, toBinary(type, response), change.resources.length);
  }
}

/** By which name a cluster asks for its endpoints. */
function endpointsOf({ name, any }: Resource): string {
  const cluster = fromBinary(messageType<Cluster>('envoy.config.cluster.v3.Cluster'), any.value);
  return cluster.edsClusterConfig?.serviceName || name;
}
