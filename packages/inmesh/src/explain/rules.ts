import {
  type CallOverrides,
  type ClusterShare,
  type ForwardAction,
  type HashPolicy,
  type HeaderMutations,
  type HostRewrite,
  type MirrorPolicy,
  mirrorPolicies,
  type PathRewrite,
  type RedirectAction,
  type RetryPolicyConfig,
  type Route,
  type RouteConfiguration,
  type RouteTable,
  type VirtualHost,
  type WeightedCluster,
} from '@inmesh/core';
import type { ExplainedRule } from './explanation.ts';

/** What the chosen route does to a call, in the words of the feed and in the order in which it is done. */
export function explainRules(
  { routeConfiguration: config, virtualHost }: RouteTable,
  route: Route,
  shares: readonly ClusterShare[],
  overrides: CallOverrides | null,
): readonly ExplainedRule[] {
  const { action } = route;
  const response = (cluster: readonly WeightedCluster[]) => mutations('response', route, virtualHost, config, cluster);
  switch (action.kind) {
    case 'refused':
      return [];
    case 'redirect':
      return [{ field: 'redirect', value: redirectText(action), from: 'route' }, ...response([])];
    case 'direct_response': {
      const made = action.bodyFormat === null ? '' : ', through a body_format';
      const value = `${action.status}, a body of ${action.body.length} bytes${made}`;
      return [{ field: 'direct_response', value, from: 'route' }, ...response([])];
    }
    case 'forward': {
      const named = action.clusters.filter((each) => shares.some(({ name }) => name !== '' && name === each.name));
      return [
        ...hashRules(action),
        timeoutRule(action, overrides),
        retryRule(action, virtualHost, overrides),
        ...(action.priority === 'default' ? [] : [{ field: 'priority', value: action.priority, from: 'route' }]),
        ...mutations('request', route, virtualHost, config, named),
        ...(action.pathRewrite === null ? [] : [pathRule(action.pathRewrite)]),
        ...(action.hostRewrite === null ? [] : [hostRule(action.hostRewrite)]),
        ...mirrorPolicies(action, virtualHost, config).map((policy) => mirrorRule(policy, action, virtualHost)),
        ...response(named),
      ];
    }
  }
}

function timeoutRule({ timeoutMs }: ForwardAction, overrides: CallOverrides | null): ExplainedRule {
  const own = overrides?.timeoutMs ?? null;
  const ms = own ?? timeoutMs;
  return { field: 'timeout', value: ms === 0 ? 'none' : `${ms} ms`, from: own === null ? 'route' : 'caller' };
}

function retryRule(action: ForwardAction, virtualHost: VirtualHost, overrides: CallOverrides | null): ExplainedRule {
  const field = 'retry_policy';
  if (overrides?.retries === false) return { field, value: 'one attempt', from: 'caller' };
  const { retryPolicy } = action;
  if (retryPolicy !== null) return { field, value: retryText(retryPolicy), from: 'route' };
  if (virtualHost.retryPolicy !== null) {
    return { field, value: retryText(virtualHost.retryPolicy), from: 'virtual host' };
  }
  return { field, value: 'what was certainly not processed, up to 2 more attempts', from: 'default' };
}

function retryText(policy: RetryPolicyConfig): string {
  const parts = [`on ${policy.retryOn.join(',') || 'nothing'}`, `up to ${policy.numRetries} more attempts`];
  if (policy.retriableStatusCodes.length > 0) parts.push(`statuses ${policy.retriableStatusCodes.join(',')}`);
  if (policy.perTryTimeoutMs > 0) parts.push(`${policy.perTryTimeoutMs} ms each`);
  parts.push(`pauses from ${policy.backoffBaseMs} to ${policy.backoffMaxMs} ms`);
  if (policy.avoidPreviousHosts) parts.push('on other hosts');
  return parts.join('; ');
}

function mutations(
  kind: 'request' | 'response',
  route: Route,
  virtualHost: VirtualHost,
  config: RouteConfiguration,
  clusters: readonly WeightedCluster[],
): ExplainedRule[] {
  const levels: (readonly [string, HeaderMutations])[] = [
    ['route', route.mutations[kind]],
    ['virtual host', virtualHost.mutations[kind]],
    ['route configuration', config.mutations[kind]],
  ];
  if (config.mostSpecificHeaderMutationsWins) levels.reverse();
  const first = clusters.map((cluster) => [`cluster ${cluster.name}`, cluster.mutations[kind]] as const);
  return [...first, ...levels].flatMap(([from, { remove, add }]) => [
    ...remove.map((value) => ({ field: `${kind}_headers_to_remove`, value, from })),
    ...add.map(({ name, value, action }) => {
      return { field: `${kind}_headers_to_add`, value: `${name}: ${value} (${action})`, from };
    }),
  ]);
}

function pathRule(rewrite: PathRewrite): ExplainedRule {
  const from = 'route';
  switch (rewrite.kind) {
    case 'prefix':
      return { field: 'prefix_rewrite', value: rewrite.value, from };
    case 'regex':
      return { field: 'regex_rewrite', value: `${rewrite.pattern} → ${rewrite.substitution}`, from };
    case 'uri_template':
      return { field: 'path_rewrite_policy', value: rewrite.value, from };
    case 'format':
      return { field: 'path_rewrite', value: rewrite.value, from };
  }
}

function hostRule(rewrite: HostRewrite): ExplainedRule {
  const from = 'route';
  switch (rewrite.kind) {
    case 'literal':
      return { field: 'host_rewrite_literal', value: rewrite.value, from };
    case 'header':
      return { field: 'host_rewrite_header', value: rewrite.name, from };
    case 'path_regex':
      return { field: 'host_rewrite_path_regex', value: `${rewrite.pattern} → ${rewrite.substitution}`, from };
    case 'format':
      return { field: 'host_rewrite', value: rewrite.value, from };
    case 'auto':
      return { field: 'auto_host_rewrite', value: 'the host name of the endpoint', from };
  }
}

function redirectText({ status, scheme, host, port, path, stripQuery }: RedirectAction): string {
  const parts = [`${status}`];
  if (scheme !== '') parts.push(`scheme ${scheme}`);
  if (host !== '') parts.push(`host ${host}`);
  if (port !== 0) parts.push(`port ${port}`);
  if (path !== null) parts.push(path.kind === 'replace' ? `path ${path.value}` : pathText(pathRule(path)));
  if (stripQuery) parts.push('without the query');
  return parts.join(', ');
}

function pathText({ field, value }: ExplainedRule): string {
  return `${field} ${value}`;
}

function hashRules({ hashPolicies }: ForwardAction): ExplainedRule[] {
  return hashPolicies.map((policy) => {
    const value = policy.terminal ? `${hashText(policy)} (terminal)` : hashText(policy);
    return { field: 'hash_policy', value, from: 'route' };
  });
}

function hashText(policy: HashPolicy): string {
  switch (policy.kind) {
    case 'header':
    case 'query_parameter':
      return `${policy.kind} ${policy.name}`;
    case 'cookie':
      return policy.ttlMs === null ? `cookie ${policy.name}` : `cookie ${policy.name}, set where it is missing`;
    case 'filter_state':
      return `filter_state ${policy.key}`;
    case 'source_ip':
      return 'source_ip, which a call in this process does not have';
  }
}

function mirrorRule(policy: MirrorPolicy, { mirrors }: ForwardAction, virtualHost: VirtualHost): ExplainedRule {
  const { fraction, cluster, clusterHeader } = policy;
  const share =
    fraction === null ? 'all' : `${fraction.defaultValue.numerator} of ${fraction.defaultValue.denominator}`;
  const where = clusterHeader === '' ? cluster : `the cluster in ${clusterHeader}`;
  const level = virtualHost.mirrors.length > 0 ? 'virtual host' : 'route configuration';
  return {
    field: 'request_mirror_policies',
    value: `${share} calls to ${where}`,
    from: mirrors.length > 0 ? 'route' : level,
  };
}
