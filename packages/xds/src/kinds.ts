import type { Kind, MeshErrorCode } from '@inmesh/core';

/** What holds for a kind whoever decodes it. */
export interface KindTraits {
  /** Full name of the message. */
  readonly typeName: string;
  /** See `ResourceType.fullState`. */
  readonly fullState: boolean;
  /** See `ResourceType.absentCode`. */
  readonly absentCode: Exclude<MeshErrorCode, 'invalid_config'>;
  /** See `ResourceType.sensitive`. */
  readonly sensitive: boolean;
}

/** The kinds of resources: a new one has its line here, its entry in core's `Model` and its decoder in `resourceTypes`. */
export const kinds: { readonly [K in Kind]: KindTraits } = {
  listener: {
    typeName: 'envoy.config.listener.v3.Listener',
    fullState: true,
    absentCode: 'no_route',
    sensitive: false,
  },
  routeConfiguration: {
    typeName: 'envoy.config.route.v3.RouteConfiguration',
    fullState: false,
    absentCode: 'no_route',
    sensitive: false,
  },
  cluster: {
    typeName: 'envoy.config.cluster.v3.Cluster',
    fullState: true,
    absentCode: 'no_cluster',
    sensitive: false,
  },
  clusterLoadAssignment: {
    typeName: 'envoy.config.endpoint.v3.ClusterLoadAssignment',
    fullState: false,
    absentCode: 'no_healthy_upstream',
    sensitive: false,
  },
  secret: {
    typeName: 'envoy.extensions.transport_sockets.tls.v3.Secret',
    fullState: false,
    // Envoy, too, takes calls whose TLS material is missing for calls to a host that cannot be reached.
    absentCode: 'connection_failure',
    sensitive: true,
  },
  extensionConfig: {
    typeName: 'envoy.config.core.v3.TypedExtensionConfig',
    fullState: false,
    // The flag NFCF and status 500, as of Envoy's filter whose configuration did not come.
    absentCode: 'unsupported',
    sensitive: false,
  },
  runtime: {
    typeName: 'envoy.service.runtime.v3.Runtime',
    fullState: false,
    // No call fails of it: its defaults apply.
    absentCode: 'config_timeout',
    sensitive: false,
  },
};

/** All of them, in the order in which one points to the next. */
export const allKinds: readonly Kind[] = Object.keys(kinds) as Kind[];
