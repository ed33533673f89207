import type { Any } from '@bufbuild/protobuf/wkt';
import type { Action, RBAC as ProtoRules } from '@inmesh/api/gen/envoy/config/rbac/v3/rbac_pb';
import type { RBAC, RBACPerRoute } from '@inmesh/api/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb';
import type { Matcher } from '@inmesh/api/gen/xds/type/matcher/v3/matcher_pb';
import { type RbacAction, type RbacConfig, type RbacRules, type RbacVerdict, rbac } from '@inmesh/core';
import { type Decoding, enumName, otherFields, Refusal, unpack } from '../decoding.ts';
import { readHttpInput } from '../http-inputs.ts';
import { decodeMatcherTree } from '../matcher-tree.ts';
import { UnsupportedMatcher } from '../matchers.ts';
import { readTypedConfig } from '../typed-config.ts';
import { decodePermissions, decodePrincipals } from './rbac-rules.ts';
import { type FilterDecoder, type FilterRow, filterRowWithOverride } from './row.ts';

const FILTER = 'envoy.extensions.filters.http.rbac.v3.RBAC';
const PER_ROUTE = 'envoy.extensions.filters.http.rbac.v3.RBACPerRoute';
const ACTION = 'envoy.config.rbac.v3.Action';
/** Audit logs are for whoever runs the server. */
const RULES_FIELDS: ReadonlySet<string> = new Set(['action', 'policies', 'audit_logging_options']);
const POLICY_FIELDS: ReadonlySet<string> = new Set(['permissions', 'principals']);

const decode: FilterDecoder<RbacConfig> = (decoding, any, field, unsupported) =>
  readConfig(decoding, unpack<RBAC>(decoding, any, FILTER, field), field, unsupported);

const decodeOverride: FilterDecoder<RbacConfig> = (decoding, any, field, unsupported) => {
  const { rbac: message } = unpack<RBACPerRoute>(decoding, any, PER_ROUTE, field);
  return message === undefined ? OFF : readConfig(decoding, message, `${field}.rbac`, unsupported);
};

const OFF: RbacConfig = {
  enforced: null,
  shadow: null,
  rulesStatPrefix: '',
  shadowRulesStatPrefix: '',
  perRule: false,
};

function readConfig(decoding: Decoding, message: RBAC, field: string, unsupported: string[]): RbacConfig {
  // The tree comes first where both are given.
  const read = (tree: Matcher | undefined, rules: ProtoRules | undefined, treeName: string, rulesName: string) => {
    if (tree !== undefined) return decodeTree(decoding, tree, `${field}.${treeName}`, unsupported);
    return rules === undefined ? null : decodeRules(decoding, rules, `${field}.${rulesName}`, unsupported);
  };
  return {
    enforced: read(message.matcher, message.rules, 'matcher', 'rules'),
    shadow: read(message.shadowMatcher, message.shadowRules, 'shadow_matcher', 'shadow_rules'),
    rulesStatPrefix: message.rulesStatPrefix,
    shadowRulesStatPrefix: message.shadowRulesStatPrefix,
    perRule: message.trackPerRuleStats,
  };
}

function decodeRules(decoding: Decoding, message: ProtoRules, field: string, unsupported: string[]): RbacRules {
  unsupported.push(...otherFields(message, RULES_FIELDS).map((name) => `${field}.${name}`));
  // In the order of their names: the first that matches is told of.
  const names = Object.keys(message.policies).sort();
  const policies = names.map((name) => {
    const policy = message.policies[name] as ProtoRules['policies'][string];
    const place = `${field}.policies["${name}"]`;
    unsupported.push(...otherFields(policy, POLICY_FIELDS).map((other) => `${place}.${other}`));
    return {
      name,
      permission: decodePermissions(decoding, policy.permissions, `${place}.permissions`, unsupported),
      principal: decodePrincipals(decoding, policy.principals, `${place}.principals`, unsupported),
    };
  });
  return { kind: 'policies', action: actionOf(message.action), policies };
}

function decodeTree(decoding: Decoding, message: Matcher, field: string, unsupported: string[]): RbacRules | null {
  let logs = false;
  const owner = {
    keepMatching: false,
    input: (config: Any | undefined, place: string) => readHttpInput(decoding, config, place),
    action: (config: Any | undefined, place: string): RbacVerdict => {
      const { any, typeName } = readTypedConfig(config, place);
      if (any === null || typeName !== ACTION) throw new Refusal(place, `${typeName} is no ${ACTION}`);
      const { name, action } = unpack<Action>(decoding, any, ACTION, place);
      const verdict = { name, action: actionOf(action) };
      logs ||= verdict.action === 'log';
      return verdict;
    },
  };
  try {
    const matcher = decodeMatcherTree(decoding, message, owner, field);
    return { kind: 'matcher', matcher, logs };
  } catch (error) {
    if (!(error instanceof UnsupportedMatcher)) throw error;
    unsupported.push(error.field);
    return null;
  }
}

function actionOf(action: number): RbacAction {
  const name = enumName('envoy.config.rbac.v3.RBAC.Action', action);
  return name === 'DENY' ? 'deny' : name === 'LOG' ? 'log' : 'allow';
}

export const rbacRow: FilterRow = filterRowWithOverride([FILTER, decode], [PER_ROUTE, decodeOverride], rbac);
