import { Envoy } from '../support/envoy.ts';
import { protocolOptions } from '../support/tls/contexts.ts';
import type { PilotAgent } from './pilot-agent.ts';

/** A pod's. To istiod, the labels of a sidecar are those of any endpoint that has its address, before those that it tells of itself. */
const ADDRESS = '10.244.0.8';

/**
 * A real Envoy as the sidecar of a workload: an istio-agent hands it istiod's feed and the workload's secrets, over the sockets of a pod. It
 * is of upstream Envoy's making, which has none of Istio's own filters: `withoutOwnFilters` takes those out of its feed.
 */
export function startIstioSidecar(agent: PilotAgent, workload: string): Promise<Envoy> {
  const xds = {
    api_type: 'GRPC',
    transport_api_version: 'V3',
    grpc_services: [{ envoy_grpc: { cluster_name: 'xds-grpc' } }],
  };
  const ads = { ads: {}, initial_fetch_timeout: '0s', resource_api_version: 'V3' };
  return Envoy.run(`sidecar of ${workload}`, {
    node: {
      id: `sidecar~${ADDRESS}~${workload}-1.default~default.svc.cluster.local`,
      cluster: `${workload}.default`,
      metadata: {
        NAMESPACE: 'default',
        SERVICE_ACCOUNT: workload,
        LABELS: { app: workload },
        INSTANCE_IPS: ADDRESS,
        ISTIO_VERSION: '1.30.0',
        CLUSTER_ID: 'Kubernetes',
        // Nothing leads the connections of this machine to it: it listens where its Sidecar resource says.
        INTERCEPTION_MODE: 'NONE',
      },
    },
    dynamic_resources: { ads_config: xds, lds_config: ads, cds_config: ads },
    static_resources: { clusters: [pipe('xds-grpc', agent.xds), pipe('sds-grpc', agent.secrets)] },
  });
}

function pipe(name: string, target: string): object {
  const endpoint = { address: { pipe: { path: target.replace(/^unix:/, '') } } };
  return {
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    ...protocolOptions('http2'),
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint }] }] },
  };
}

/** The Sidecar resource of a workload that listens on the loopback for a service behind it, and calls nobody. */
export function ingressOf(workload: string, port: number, app: number): string {
  return `
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: ${workload}, namespace: default }
spec:
  workloadSelector: { labels: { app: ${workload} } }
  ingress:
  - { port: { number: ${port}, protocol: HTTP, name: http }, bind: 127.0.0.1, defaultEndpoint: "127.0.0.1:${app}" }
  egress: [{ hosts: ["~/*"] }]
---
`;
}

/** Takes filters that only Istio's Envoy has out of the feed of a workload's sidecar. */
export function withoutOwnFilters(workload: string): string {
  const http = ['istio.metadata_exchange', 'istio.stats', 'istio.alpn'].map(
    (name) => `
  - applyTo: HTTP_FILTER
    match:
      listener: { filterChain: { filter: { name: envoy.filters.network.http_connection_manager, subFilter: { name: ${name} } } } }
    patch: { operation: REMOVE }`,
  );
  const tcp = ['istio.metadata_exchange', 'istio.stats'].map(
    (name) => `
  - applyTo: NETWORK_FILTER
    match: { listener: { filterChain: { filter: { name: ${name} } } } }
    patch: { operation: REMOVE }`,
  );
  return `
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: { name: ${workload}, namespace: default }
spec:
  workloadSelector: { labels: { app: ${workload} } }
  configPatches:${[...http, ...tcp].join('')}
---
`;
}

/** How sidecars of the namespace take callers. */
export function peerAuthentication(mode: 'STRICT' | 'PERMISSIVE'): string {
  return `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: default, namespace: default }
spec: { mtls: { mode: ${mode} } }
---
`;
}

/** Whom a workload takes no calls from, or whom alone it does. */
export function authorization(workload: string, action: 'ALLOW' | 'DENY', account: string): string {
  return `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: ${workload}, namespace: default }
spec:
  selector: { matchLabels: { app: ${workload} } }
  action: ${action}
  rules: [{ from: [{ source: { principals: [cluster.local/ns/default/sa/${account}] } }] }]
---
`;
}
