import assert from 'node:assert/strict';
import type { RuntimeFractionalPercent } from '../../model/runtime.ts';
import { flattenRuntime } from '../../runtime/runtime-value.ts';
import { FilterScene } from '../../testing/filter-scene.ts';
import type { LocalRateLimitConfig } from './config.ts';
import { localRateLimit } from './local-ratelimit.ts';

const always: RuntimeFractionalPercent = { defaultValue: { numerator: 100, denominator: 100 }, runtimeKey: '' };
const bucket = (maxTokens: number) => ({ maxTokens, tokensPerFill: 1, fillIntervalMs: 1_000 });
const plain: LocalRateLimitConfig = {
  statPrefix: 'l',
  status: 429,
  tokenBucket: bucket(2),
  filterEnabled: always,
  filterEnforced: always,
  requestHeadersToAddWhenNotEnforced: [],
  responseHeadersToAdd: [],
  descriptors: [],
  maxDynamicDescriptors: 20,
  rateLimits: [],
  alwaysConsumeDefaultTokenBucket: true,
  xRateLimitHeaders: false,
  asResourceExhausted: false,
};
const scene = (config: Partial<LocalRateLimitConfig> = {}) => new FilterScene(localRateLimit, { ...plain, ...config });

describe('local_ratelimit', () => {
  it('lets through what the bucket has, and more with time', () => {
    const made = scene();
    const statuses = () => [made.ask(), made.ask(), made.ask()].map(({ caller }) => caller.status);
    assert.deepEqual(statuses(), [200, 200, 429]);
    made.clock.advance(1_000);
    assert.deepEqual(statuses(), [200, 429, 429]);
    const { call, caller } = made.ask();
    assert.deepEqual([call.failure?.flag, caller.body], ['RL', 'local_rate_limited']);
    assert.deepEqual(
      { ...made.stats },
      {
        'l.http_local_rate_limit.enabled': 7,
        'l.http_local_rate_limit.ok': 3,
        'l.http_local_rate_limit.rate_limited': 4,
        'l.http_local_rate_limit.enforced': 4,
      },
    );
  });

  it('is enabled and enforced as the runtime says, live', () => {
    const share = (runtimeKey: string): RuntimeFractionalPercent => ({ ...always, runtimeKey });
    const made = scene({ tokenBucket: bucket(1), filterEnabled: share('on'), filterEnforced: share('hard') });
    const use = (on: number, hard: number) =>
      made.runtime.update([{ name: 'test', values: flattenRuntime({ on, hard }) }]);
    use(0, 100);
    assert.deepEqual([made.ask().caller.status, made.ask().caller.status], [200, 200]);
    use(100, 0);
    assert.deepEqual([made.ask().caller.status, made.ask().caller.status], [200, 200]);
    use(100, 100);
    assert.equal(made.ask().caller.status, 429);
  });

  it('counts a call with a limit of its own against the common one only where it is to', () => {
    for (const [always, expected] of [
      [true, [200, 429]],
      [false, [200, 200]],
    ] as const) {
      const made = scene({
        tokenBucket: bucket(1),
        alwaysConsumeDefaultTokenBucket: always,
        descriptors: [{ entries: [{ key: 'user', value: 'a' }], tokenBucket: bucket(5) }],
        rateLimits: [[{ kind: 'request_headers', header: 'x-user', key: 'user', skipIfAbsent: false }]],
      });
      const ask = () => made.ask({ headers: ['x-user', 'a'] }).caller.status;
      assert.deepEqual([ask(), ask()], expected);
    }
  });

  it('describes a call by all actions of an entry, or not at all', () => {
    const made = scene({
      tokenBucket: null,
      descriptors: [
        {
          entries: [
            { key: 'generic_key', value: 'all' },
            { key: 'destination_cluster', value: 'reviews' },
            { key: 'q', value: '' },
          ],
          tokenBucket: bucket(1),
        },
      ],
      rateLimits: [
        [
          { kind: 'generic_key', key: 'generic_key', value: 'all' },
          { kind: 'destination_cluster' },
          { kind: 'query_parameters', parameter: 'q', key: 'q', skipIfAbsent: false },
          { kind: 'request_headers', header: 'x-absent', key: 'h', skipIfAbsent: true },
        ],
      ],
    });
    const ask = (path: string) => made.ask({ path }).caller.status;
    assert.deepEqual([ask('/'), ask('/?q'), ask('/?a=1&q='), ask('/'), ask('/?q=1')], [200, 200, 429, 200, 200]);
  });

  it('shares its bucket among all routes and tables that have the same configuration', () => {
    const made = scene({ tokenBucket: bucket(1) });
    const first = made.send();
    const second = made.send();
    assert.deepEqual([first.caller.endings, second.caller.status], [0, 429]);
  });

  it('keeps buckets of the values used last where an entry is open', () => {
    const made = scene({
      tokenBucket: null,
      rateLimits: [[{ kind: 'request_headers', header: 'x-user', key: 'user', skipIfAbsent: false }]],
      descriptors: [{ entries: [{ key: 'user', value: '' }], tokenBucket: bucket(1) }],
      maxDynamicDescriptors: 2,
    });
    const asked = (user: string) => made.ask({ headers: ['x-user', user] }).caller.status;
    assert.deepEqual(['a', 'b', 'a', 'c'].map(asked), [200, 200, 429, 200]);
    // `b` was used longest ago, so it starts anew.
    assert.deepEqual(['a', 'b', 'b'].map(asked), [429, 200, 429]);
  });
});
