/** Istio's resources as text, as short as the tests need them. */

export interface Endpoint {
  readonly version: string;
  readonly port: number;
}

/** A service on the loopback: one port, HTTP, subsets by version, no mutual TLS. */
export function plainService(name: string, port: number, endpoints: readonly Endpoint[]): string {
  const host = `${name}.default.svc.cluster.local`;
  const list = endpoints.map(
    (each) =>
      `  - { address: 127.0.0.1, labels: { app: ${name}, version: ${each.version} }, ports: { http: ${each.port} } }`,
  );
  return `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name}, namespace: default }
spec:
  hosts: [${host}]
  addresses: [240.240.0.10]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{ number: ${port}, name: http, protocol: HTTP }]
  endpoints:
${list.join('\n')}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ${name}, namespace: default }
spec:
  host: ${host}
  trafficPolicy: { tls: { mode: DISABLE } }
  subsets:
${endpoints.map(({ version }) => `  - { name: ${version}, labels: { version: ${version} } }`).join('\n')}
---
`;
}

/** A service on the loopback behind mutual TLS: one port, whose workloads run as a service account. */
export function secureService(
  name: string,
  port: number,
  endpoint: number,
  serviceAccount: string,
  protocol: 'HTTP' | 'HTTP2' = 'HTTP',
): string {
  const label = 'security.istio.io/tlsMode: istio';
  return workload(name, port, endpoint, label, `serviceAccount: ${serviceAccount}`, protocol);
}

/** A service on the loopback of which nothing says that it speaks TLS. */
export function withoutSidecar(name: string, port: number, endpoint: number): string {
  return workload(name, port, endpoint, `version: v1`, `weight: 1`);
}

function workload(
  name: string,
  port: number,
  endpoint: number,
  label: string,
  field: string,
  protocol = 'HTTP',
): string {
  const host = `${name}.default.svc.cluster.local`;
  return `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name}, namespace: default }
spec:
  hosts: [${host}]
  addresses: [240.240.0.11]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{ number: ${port}, name: http, protocol: ${protocol} }]
  endpoints:
  - address: 127.0.0.1
    labels: { app: ${name}, ${label} }
    ${field}
    ports: { http: ${endpoint} }
---
`;
}

/** A DestinationRule by which each call has a connection of its own. */
export function connectionForEachCall(name: string): string {
  return `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ${name}, namespace: default }
spec:
  host: ${name}.default.svc.cluster.local
  trafficPolicy: { connectionPool: { http: { maxRequestsPerConnection: 1 } } }
---
`;
}

/** A VirtualService that splits a service's calls over its subsets. */
export function weights(name: string, shares: Readonly<Record<string, number>>): string {
  const host = `${name}.default.svc.cluster.local`;
  const routes = Object.entries(shares).map(
    ([subset, weight]) => `    - { destination: { host: ${host}, subset: ${subset} }, weight: ${weight} }`,
  );
  return `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name}, namespace: default }
spec:
  hosts: [${host}]
  http:
  - name: split
    route:
${routes.join('\n')}
---
`;
}

/** A VirtualService: calls with `x-user: jason` go to one subset, what lies below /old to another under a new path, all else to the first. */
export function byHeaderAndPath(name: string, jasons: string, others: string): string {
  const host = `${name}.default.svc.cluster.local`;
  const to = (subset: string) => `route: [{ destination: { host: ${host}, subset: ${subset} } }]`;
  return `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name}, namespace: default }
spec:
  hosts: [${host}]
  http:
  - { name: jason, match: [{ headers: { x-user: { exact: jason } } }], ${to(jasons)} }
  - { name: moved, match: [{ uri: { prefix: /old/ } }], rewrite: { uri: /new/ }, ${to(others)} }
  - { name: others, ${to(others)} }
---
`;
}

/** A TCP service of the same kind, whose calls need mutual TLS. */
export function tcpService(name: string, port: number, endpoint: number): string {
  const host = `${name}.default.svc.cluster.local`;
  return `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name}, namespace: default }
spec:
  hosts: [${host}]
  addresses: [240.240.0.11]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{ number: ${port}, name: tcp, protocol: TCP }]
  endpoints: [{ address: 127.0.0.1, ports: { tcp: ${endpoint} } }]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ${name}, namespace: default }
spec:
  host: ${host}
  trafficPolicy: { tls: { mode: ISTIO_MUTUAL } }
---
`;
}

/** A host outside the mesh, by DNS. */
export function externalHost(host: string): string {
  return `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: external, namespace: default }
spec:
  hosts: [${host}]
  location: MESH_EXTERNAL
  resolution: DNS
  ports: [{ number: 80, name: http, protocol: HTTP }]
---
`;
}

/** A Sidecar resource for the whole namespace: it gets these hosts only. */
export function sidecarOf(...hosts: readonly string[]): string {
  return `
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: default, namespace: default }
spec:
  egress: [{ hosts: [${hosts.map((host) => `./${host}.default.svc.cluster.local`).join()}] }]
---
`;
}

/** A Sidecar resource for the whole namespace: only what the registry knows may be called. */
export const REGISTRY_ONLY = `
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: default, namespace: default }
spec:
  egress: [{ hosts: ["./*"] }]
  outboundTrafficPolicy: { mode: REGISTRY_ONLY }
---
`;
