import { create, type JsonObject } from '@bufbuild/protobuf';
import { messageType } from '@inmesh/api';
import type { Locality as LocalityMessage, Node } from '@inmesh/api/gen/envoy/config/core/v3/base_pb';
import type { Locality } from '@inmesh/core';

/** Who asks: what a control plane tailors its feed to. A bootstrap's node fits. (envoy.config.core.v3.Node) */
export interface AdsNode {
  readonly id: string;
  readonly cluster: string;
  /** JSON data. */
  readonly metadata: { readonly [key: string]: unknown };
  /** Not sent where all of it is empty. */
  readonly locality: Locality;
}

/**
 * What a server may do for us. `resource-in-sotw`: we unwrap `Resource`. `supports-resource-ttl`: we drop what is
 * not refreshed in time. Not listed is gRPC's
 * `envoy.lb.does_not_support_overprovisioning`, because inmesh balances as Envoy does, overprovisioning factor included: a
 * server that sees the flag would spread the load over priorities itself.
 */
const clientFeatures: readonly string[] = ['xds.config.resource-in-sotw', 'xds.config.supports-resource-ttl'];

/** The node of a stream's first request. */
export function nodeMessage(node: AdsNode, userAgentVersion: string): Node {
  const { id, cluster, metadata, locality } = node;
  const message = create(messageType<Node>('envoy.config.core.v3.Node'), {
    id,
    cluster,
    metadata: metadata as JsonObject,
    userAgentName: 'inmesh',
    userAgentVersionType: { case: 'userAgentVersion', value: userAgentVersion },
    clientFeatures: [...clientFeatures],
  });
  if (locality.region !== '' || locality.zone !== '' || locality.subZone !== '') {
    message.locality = create(messageType<LocalityMessage>('envoy.config.core.v3.Locality'), { ...locality });
  }
  return message;
}
