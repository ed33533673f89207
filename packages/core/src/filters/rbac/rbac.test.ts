import assert from 'node:assert/strict';
import { FilterScene } from '../../testing/filter-scene.ts';
import { forward, prefix, route } from '../../testing/models.ts';
import type { RbacConfig, RbacRule, RbacRules } from './config.ts';
import { rbac } from './rbac.ts';

const any: RbacRule = { kind: 'any' };
const header = (name: string, value: string): RbacRule => ({
  kind: 'header',
  match: {
    name,
    test: { kind: 'string', match: { kind: 'exact', value, ignoreCase: false } },
    invert: false,
    treatMissingAsEmpty: false,
  },
});
const rules = (
  action: 'allow' | 'deny' | 'log',
  permission: RbacRule,
  principal: RbacRule = any,
  name = 'p',
): RbacRules => ({
  kind: 'policies',
  action,
  policies: [{ name, permission, principal }],
});
const config = (some: Partial<RbacConfig>): RbacConfig => ({
  enforced: null,
  shadow: null,
  rulesStatPrefix: '',
  shadowRulesStatPrefix: '',
  perRule: false,
  ...some,
});
const scene = (some: Partial<RbacConfig>) => new FilterScene(rbac, config(some));

describe('rbac', () => {
  it('refuses as the rules say, names the policy and counts', () => {
    const made = scene({ enforced: rules('deny', header('x', 'a'), any, 'no x'), perRule: true });
    const { call, caller } = made.ask({ headers: ['x', 'a'] });
    assert.deepEqual(
      [caller.status, caller.body, call.failure?.details, call.failure?.flag],
      [403, 'RBAC: access denied', 'rbac_access_denied_matched_policy[no_x]', '-'],
    );
    assert.equal(made.ask().caller.status, 200);
    assert.deepEqual(
      { ...made.stats },
      {
        'http.http.rbac.denied': 1,
        'http.http.rbac.policy.no x.denied': 1,
        'http.http.rbac.allowed': 1,
      },
    );
  });

  it('tells in metadata what was decided, also of rules in the shadow', () => {
    const made = scene({ enforced: rules('allow', any), shadow: rules('deny', any), shadowRulesStatPrefix: 's_' });
    const { call } = made.ask();
    assert.deepEqual(call.metadata?.get('envoy.filters.http.rbac'), {
      s_shadow_effective_policy_id: 'p',
      s_shadow_engine_result: 'denied',
      enforced_effective_policy_id: 'p',
      enforced_engine_result: 'allowed',
    });
    assert.equal(made.stats['http.http.rbac.s_.shadow_denied'], 1);
  });

  it('matches no principal of a certificate or an address, whether or not it is asked the other way round', () => {
    const never: RbacRule = { kind: 'never' };
    const status = (principal: RbacRule) => scene({ enforced: rules('allow', any, principal) }).ask().caller.status;
    assert.deepEqual([status(never), status({ kind: 'not', rule: never })], [403, 200]);
  });

  it('looks at the filter state, and at the metadata of the route', () => {
    const test = { kind: 'string', match: { kind: 'exact', value: 'v', ignoreCase: false } } as const;
    const byState = scene({ enforced: rules('allow', { kind: 'filter_state', match: { key: 'k', test } }) });
    assert.equal(byState.ask().caller.status, 403);
    const match = { filter: 'n', path: ['k'], value: test, invert: false } as const;
    const byRoute = new FilterScene(
      rbac,
      config({ enforced: rules('allow', { kind: 'metadata', match, source: 'route' }) }),
      {
        routes: [
          route(forward('reviews'), { path: prefix('/a'), metadata: { n: { k: 'v' } } }),
          route(forward('reviews'), { path: prefix('/b') }),
        ],
      },
    );
    assert.deepEqual(
      ['/a', '/b', '/none'].map((path) => byRoute.ask({ path }).caller.status),
      [200, 403, 403],
    );
  });

  it('costs nothing without rules, and a route may have none', () => {
    const { environment } = scene({});
    assert.equal(rbac.compile(config({}), [], environment), null);
    assert.equal(rbac.compile(config({ enforced: rules('deny', any) }), [config({})], environment), null);
  });
});
