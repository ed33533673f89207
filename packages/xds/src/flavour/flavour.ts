import type { Bootstrap, NodeIdentity } from '../bootstrap/index.ts';

/**
 * How a control plane lays out its feed. `grpc`: listeners by the name of the target (gRPC's xDS). `sidecar`: what istiod sends to
 * an Envoy beside the application. `consul`: what Consul sends to one. `envoy`: any other feed of whole types.
 */
export type Flavour = 'grpc' | 'sidecar' | 'consul' | 'envoy';

/** `auto`, the default, goes by the bootstrap. */
export type FlavourOption = 'auto' | Exclude<Flavour, 'envoy'>;

/** Which flavour is asked for, and why. */
export interface ChosenFlavour {
  /** Null: all listeners are asked for, and what they look like decides. */
  readonly flavour: Flavour | null;
  readonly why: string;
  /** Who asks: the bootstrap's node, made to ask for this flavour. */
  readonly node: NodeIdentity;
}

/** What is told of a flavour in force. */
export interface FlavourInForce {
  /** Null until the feed has shown it. */
  readonly name: Flavour | null;
  readonly why: string;
  /** What this flavour cannot bring, however the control plane is configured. */
  readonly lacks: readonly string[];
}

/**
 * Chooses by the bootstrap. Envoy's, whose listeners come over ADS, asks for everything. gRPC's asks by name, but for that of an
 * istio-agent (gRPC's generator for a sidecar's node, behind a unix socket): what the agent forwards to istiod is up to us, so the
 * full feed is taken and not the poorer one.
 */
export function chooseFlavour(bootstrap: Bootstrap, option: FlavourOption): ChosenFlavour {
  const { node, format, dynamic, servers } = bootstrap;
  if (option !== 'auto') {
    const asked = option === 'sidecar' ? asSidecar(node) : option === 'grpc' ? asGrpc(node) : node;
    return { flavour: option, why: 'the option "flavour" says so', node: asked };
  }
  if (format === 'grpc') {
    const ofAgent = servers.some(({ uri }) => uri.startsWith('unix:'));
    return isIstioNode(node) && node.metadata.GENERATOR === 'grpc' && ofAgent
      ? {
          flavour: 'sidecar',
          why: 'the bootstrap is an istio-agent’s, which serves the full feed too',
          node: asSidecar(node),
        }
      : { flavour: 'grpc', why: 'the bootstrap is gRPC’s', node };
  }
  if (!dynamic.listeners || servers.length === 0) {
    return { flavour: 'grpc', why: 'no control plane serves listeners: they are known by name', node };
  }
  if (isIstioNode(node) && node.metadata.GENERATOR !== 'grpc') {
    return { flavour: 'sidecar', why: 'the node is a sidecar of Istio’s', node: asSidecar(node) };
  }
  if (format === 'code') return { flavour: 'grpc', why: 'the control plane was named in code', node };
  if (
    servers.some(({ initialMetadata }) => initialMetadata.some(([name]) => name.toLowerCase() === 'x-consul-token'))
  ) {
    return { flavour: 'consul', why: 'the bootstrap is Consul’s', node };
  }
  return { flavour: null, why: 'the bootstrap is Envoy’s', node };
}

/** True for a node whose id istiod reads: `sidecar~<ip>~<name>.<namespace>~<namespace>.svc.<domain>`. */
export function isIstioNode({ id }: NodeIdentity): boolean {
  return /^sidecar~[^~]*~[^~]*~[^~]*$/.test(id);
}

/** Asks istiod for a sidecar's feed, without the tunnels (HBONE) that this version cannot enter. */
function asSidecar(node: NodeIdentity): NodeIdentity {
  if (!isIstioNode(node)) return node;
  const { GENERATOR: _, ...metadata } = node.metadata;
  return { ...node, metadata: { ...metadata, DISABLE_HBONE_SEND: 'true' } };
}

/** Asks istiod for what it makes for gRPC; any other control plane is left to know by itself. */
function asGrpc(node: NodeIdentity): NodeIdentity {
  return isIstioNode(node) ? { ...node, metadata: { ...node.metadata, GENERATOR: 'grpc' } } : node;
}

/** What a user of the flavour does without. */
export function lacksOf(flavour: Flavour | null, node: NodeIdentity): readonly string[] {
  switch (flavour) {
    case 'grpc':
      return isIstioNode(node)
        ? [
            'outlier detection, connection pool settings and locality failover: istiod leaves them out for gRPC',
            'mutual TLS unless a DestinationRule says ISTIO_MUTUAL',
            'Istio’s HTTP filters, and routes for hosts that are no services',
          ]
        : [];
    case 'sidecar':
      return [
        'HBONE tunnels (ambient): they are declined with DISABLE_HBONE_SEND',
        'protocol sniffing: http:// is HTTP',
      ];
    case 'consul':
      return ['virtual IP addresses: services are known by their names only'];
    default:
      return [];
  }
}
