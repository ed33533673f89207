import { typeUrlOf } from '@inmesh/api';

export const resourceType: {
  readonly listener: string;
  readonly route: string;
  readonly cluster: string;
  readonly endpoints: string;
} = {
  listener: typeUrlOf('envoy.config.listener.v3.Listener'),
  route: typeUrlOf('envoy.config.route.v3.RouteConfiguration'),
  cluster: typeUrlOf('envoy.config.cluster.v3.Cluster'),
  endpoints: typeUrlOf('envoy.config.endpoint.v3.ClusterLoadAssignment'),
};

/** Responses of these types hold all that is subscribed, so that absence tells a deletion; and no names at first means all. */
export function isFullState(typeUrl: string): boolean {
  return typeUrl === resourceType.listener || typeUrl === resourceType.cluster;
}

/** Make before break, as Envoy's documentation advises: what is pointed at goes out before what points at it. */
export const updateOrder: readonly string[] = [
  resourceType.cluster,
  resourceType.endpoints,
  resourceType.listener,
  resourceType.route,
];
