import type { RouteAction_HashPolicy as ProtoHashPolicy } from '@inmesh/api/gen/envoy/config/route/v3/route_components_pb';
import type { HashPolicy } from '@inmesh/core';
import { type Decoding, milliseconds, Refusal } from './decoding.ts';
import { decodeSubstitution } from './rewrite.ts';

/** `field` is where the list stands in the resource. */
export function decodeHashPolicies(
  decoding: Decoding,
  policies: readonly ProtoHashPolicy[],
  field: string,
): HashPolicy[] {
  return policies.map((policy, index) => decodeHashPolicy(decoding, policy, `${field}[${index}]`));
}

function decodeHashPolicy(
  decoding: Decoding,
  { policySpecifier, terminal }: ProtoHashPolicy,
  field: string,
): HashPolicy {
  switch (policySpecifier.case) {
    case 'header': {
      const { headerName, regexRewrite } = policySpecifier.value;
      const place = `${field}.header.regex_rewrite`;
      const rewrite = regexRewrite === undefined ? null : decodeSubstitution(decoding, regexRewrite, place);
      return { kind: 'header', name: headerName.toLowerCase(), rewrite, terminal };
    }
    case 'cookie': {
      const { name, ttl, path, attributes } = policySpecifier.value;
      return {
        kind: 'cookie',
        name,
        ttlMs: ttl === undefined ? null : milliseconds(ttl),
        path,
        attributes: attributes.map((each) => [each.name, each.value]),
        terminal,
      };
    }
    case 'connectionProperties':
      return { kind: 'source_ip', terminal };
    case 'queryParameter':
      return { kind: 'query_parameter', name: policySpecifier.value.name, terminal };
    case 'filterState':
      return { kind: 'filter_state', key: policySpecifier.value.key, terminal };
    default:
      throw new Refusal(`${field}.policy_specifier`, 'value is required');
  }
}
