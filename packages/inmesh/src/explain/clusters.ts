import {
  AlpnFilter,
  type Call,
  type Clock,
  type Cluster,
  type ClusterShare,
  isMeshError,
  leavesMesh,
  type RouteEntry,
} from '@inmesh/core';
import type { ExplainedCluster, ExplainedEndpoint } from './explanation.ts';
import { explainTransports, type TlsStateOf, transportError } from './transports.ts';

/** What clusters are explained with. */
export interface ClusterScene {
  readonly clock: Clock;
  readonly tlsState: TlsStateOf;
  /** Takes the sentences. */
  readonly why: string[];
}

/** Where the calls of a route go, one entry for each cluster that it may choose; `again` makes the call anew, for each to change it. */
export function explainClusters(
  route: RouteEntry,
  again: () => Call,
  scene: ClusterScene,
): readonly ExplainedCluster[] {
  const { action } = route.config;
  if (action.kind !== 'forward') return [];
  const call = again();
  if ((call.overrides?.cluster ?? null) !== null) {
    const share = route.choose(call);
    return share === null ? [] : [explainShare(share, 1, call, scene)];
  }
  return route.choices().map((share) => {
    return explainShare(share, action.totalWeight === 0 ? 0 : share.weight / action.totalWeight, again(), scene);
  });
}

function explainShare(share: ClusterShare, part: number, call: Call, scene: ClusterScene): ExplainedCluster {
  const { clock, tlsState, why } = scene;
  const name = share.nameFor(call);
  const choice = share.clusterOf(call);
  share.prepare(call, clock);
  const { method, authority, path } = call.head;
  const found = { name, share: part, request: { method, authority, path } };
  const percent = `${Math.round(part * 1000) / 10} %`;
  if (choice === null && share.specifier !== null && name === '') {
    why.push(
      `${percent} go to the cluster that ${share.specifier.label} names, which is being asked: these calls are held`,
    );
    return {
      ...found,
      type: '',
      lbPolicy: '',
      passesThrough: false,
      endpoints: [],
      transports: [],
      error: 'not known yet',
    };
  }
  if (choice === null) {
    why.push(`${percent} go to cluster ${name}, about which the feed has not told yet: these calls are held`);
    return {
      ...found,
      type: '',
      lbPolicy: '',
      passesThrough: false,
      endpoints: [],
      transports: [],
      error: 'not known yet',
    };
  }
  if (isMeshError(choice)) {
    why.push(`${percent} go to cluster ${name}, which cannot be called: ${choice.message}`);
    return {
      ...found,
      type: '',
      lbPolicy: '',
      passesThrough: false,
      endpoints: [],
      transports: [],
      error: choice.message,
    };
  }
  const endpoints = endpointsOf(choice);
  const { discovery, lb, unsupported } = choice.config;
  const passesThrough = leavesMesh(choice.config);
  why.push(
    discovery.kind === 'original_dst'
      ? `${percent} go to cluster ${name}: ${passesThrough ? 'where they would go without the mesh' : 'to the host that they name'}`
      : `${percent} go to cluster ${name}: ${lb.kind} over ${choice.stats.membership_healthy} healthy of ${endpoints.length} endpoints`,
  );
  const wish = call.overrides?.endpoint ?? null;
  if (wish !== null) {
    why.push(
      `the caller asks for ${wish.kind === 'address' ? `its endpoint ${wish.address}` : `an endpoint of it with ${JSON.stringify(wish.labels)}`}`,
    );
  }
  for (const { factory } of share.filters.entries) if (factory instanceof AlpnFilter) factory.offer(call, choice);
  const transports = explainTransports(choice, call, tlsState);
  const lacks = unsupported.length > 0 ? `needs what this version lacks: ${unsupported.join(', ')}` : null;
  return {
    ...found,
    type: discovery.kind,
    lbPolicy: lb.kind,
    passesThrough,
    endpoints,
    transports,
    error: lacks ?? transportError(transports),
  };
}

function endpointsOf(cluster: Cluster): ExplainedEndpoint[] {
  return [...cluster.endpoints.values()].map(({ key, config, locality, priority, stats }) => ({
    address: key,
    health: config.health,
    weight: config.weight,
    priority,
    locality: [locality.region, locality.zone, locality.subZone].filter((part) => part !== '').join('/'),
    connections: stats.cx_active,
    active: stats.rq_active,
  }));
}
