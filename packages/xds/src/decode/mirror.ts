import type { RouteAction_RequestMirrorPolicy as ProtoMirror } from '@inmesh/api/gen/envoy/config/route/v3/route_components_pb';
import type { MirrorPolicy } from '@inmesh/core';
import { Refusal } from './decoding.ts';
import { decodeRuntimePercent } from './fractional-percent.ts';
import { decodeHeaderMutation } from './header-mutation.ts';

const NONE: readonly MirrorPolicy[] = [];

/** `field` is where the list stands in the resource. */
export function decodeMirrors(policies: readonly ProtoMirror[], field: string): readonly MirrorPolicy[] {
  if (policies.length === 0) return NONE;
  return policies.map((policy, index) => decodeMirror(policy, `${field}[${index}]`));
}

function decodeMirror(policy: ProtoMirror, field: string): MirrorPolicy {
  const { cluster, clusterHeader, runtimeFraction, requestHeadersMutations } = policy;
  if (cluster !== '' && clusterHeader !== '') {
    throw new Refusal(field, 'Only one of cluster or cluster_header in request mirror policy can be specified');
  }
  return {
    cluster,
    clusterHeader: clusterHeader.toLowerCase(),
    fraction: decodeRuntimePercent(runtimeFraction),
    shadowSuffix: !policy.disableShadowHostSuffixAppend,
    hostRewrite: policy.hostRewriteLiteral,
    mutations: requestHeadersMutations.map((each, index) =>
      decodeHeaderMutation(each, `${field}.request_headers_mutations[${index}]`),
    ),
  };
}
