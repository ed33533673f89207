import type { MirrorPolicy } from '../model/mirror.ts';
import type { ForwardAction, RouteConfiguration, VirtualHost } from '../model/route.ts';
import type { ClusterChoice } from './cluster-share.ts';
import { compileHeaderMutations, type HeaderMutator, inTurn } from './header-mutation.ts';

/** A mirror policy made ready. */
export interface Mirror {
  readonly policy: MirrorPolicy;
  readonly mutate: HeaderMutator | null;
  readonly clusterOf: (name: string, action: ForwardAction) => ClusterChoice;
}

export interface MirrorLevels {
  readonly action: ForwardAction;
  readonly virtualHost: VirtualHost;
  readonly config: RouteConfiguration;
  readonly clusterOf: (name: string, action: ForwardAction) => ClusterChoice;
  readonly namedCluster: (name: string, action: ForwardAction) => ClusterChoice;
}

/** The policies of the most specific level that has any. */
export function mirrorPolicies(
  { mirrors }: Pick<ForwardAction, 'mirrors'>,
  virtualHost: VirtualHost,
  config: RouteConfiguration,
): readonly MirrorPolicy[] {
  if (mirrors.length > 0) return mirrors;
  return virtualHost.mirrors.length > 0 ? virtualHost.mirrors : config.mirrors;
}

export function compileMirrors({
  action,
  virtualHost,
  config,
  clusterOf,
  namedCluster,
}: MirrorLevels): readonly Mirror[] {
  return mirrorPolicies(action, virtualHost, config).map((policy) => ({
    policy,
    mutate: inTurn(policy.mutations.map(compileHeaderMutations)),
    clusterOf: policy.clusterHeader === '' ? clusterOf : namedCluster,
  }));
}
