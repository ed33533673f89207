import type { Call } from '../../call.ts';
import { compileFilterState, type MatchParts } from '../../match/conditions.ts';
import { compileHeader } from '../../match/header-match.ts';
import { compileMatcherTree } from '../../match/matcher-tree.ts';
import { compilePath, pathOnly } from '../../match/path.ts';
import { compileString, compileWireString } from '../../match/string-match.ts';
import { compileMetadata } from '../../match/value-match.ts';
import type { RbacRule, RbacRules } from './config.ts';

/** What rules say of a call. */
export interface RbacDecision {
  readonly allowed: boolean;
  /** Of the policy or action that decided; empty where none matched. */
  readonly policy: string;
  /** Whether the call is one to be logged; null where the rules have nothing to say of that. */
  readonly log: boolean | null;
}

export type CompiledRbac = (call: Call) => RbacDecision;

export function compileRbac(rules: RbacRules, parts: MatchParts): CompiledRbac {
  if (rules.kind === 'matcher') {
    const { logs } = rules;
    const verdictOf = compileMatcherTree(rules.matcher, parts);
    return (call) => {
      const verdict = verdictOf(call);
      if (verdict === null) return { allowed: false, policy: '', log: null };
      const log = logs ? verdict.action === 'log' : null;
      return { allowed: verdict.action !== 'deny', policy: verdict.name, log };
    };
  }
  const { action } = rules;
  const policies = rules.policies.map(({ name, permission, principal }) => ({
    name,
    permits: compileRule(permission, parts),
    means: compileRule(principal, parts),
  }));
  return (call) => {
    const found = policies.find(({ permits, means }) => permits(call) && means(call));
    const matched = found !== undefined;
    const allowed = action === 'log' || matched === (action === 'allow');
    return { allowed, policy: found?.name ?? '', log: action === 'log' ? matched : null };
  };
}

function compileRule(rule: RbacRule, parts: MatchParts): (call: Call) => boolean {
  const { regex } = parts;
  switch (rule.kind) {
    case 'any':
      return () => true;
    case 'never':
      return () => false;
    case 'and': {
      const all = rule.rules.map((each) => compileRule(each, parts));
      return (call) => all.every((holds) => holds(call));
    }
    case 'or': {
      const any = rule.rules.map((each) => compileRule(each, parts));
      return (call) => any.some((holds) => holds(call));
    }
    case 'not': {
      const holds = compileRule(rule.rule, parts);
      return (call) => !holds(call);
    }
    case 'header': {
      const matches = compileHeader(rule.match, regex);
      return ({ head }) => matches(head);
    }
    case 'url_path': {
      const matches = compileWireString(rule.match, regex);
      return ({ head }) => matches(pathOnly(head.path));
    }
    case 'uri_template': {
      const matches = compilePath({ kind: 'uri_template', value: rule.template, caseSensitive: true }, regex);
      return ({ head }) => matches(pathOnly(head.path));
    }
    case 'metadata': {
      const matches = compileMetadata(rule.match, regex);
      if (rule.source === 'dynamic') return ({ metadata }) => matches(metadata);
      return ({ route }) => route !== null && matches(new Map(Object.entries(route.config.metadata)));
    }
    case 'filter_state': {
      const matches = compileFilterState(rule.match, regex);
      return ({ filterState }) => matches(filterState?.get(rule.match.key));
    }
    case 'requested_server_name': {
      const holds = compileString(rule.match, regex)('');
      return () => holds;
    }
  }
}
