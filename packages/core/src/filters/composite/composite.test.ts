import assert from 'node:assert/strict';
import type { FilterOverride } from '../../model/http-filter.ts';
import type { MatcherNode } from '../../model/matcher-tree.ts';
import { FilterScene } from '../../testing/filter-scene.ts';
import { filterOverride } from '../../testing/models.ts';
import type { FilterType, HttpFilter } from '../filter.ts';
import { asFilterType } from '../own-filter.ts';
import { composite } from './composite.ts';
import { type EmbeddedFilter, type MatchAction, type MatchedFilterConfig, MatcherOverride } from './config.ts';

/** By the values of header `x`. */
function byX(actions: Readonly<Record<string, MatchAction>>): MatcherNode<MatchAction> {
  const map = Object.entries(actions).map(
    ([value, action]) => [value, { kind: 'action', action, keepMatching: false }] as const,
  );
  return { kind: 'exact_map', input: { kind: 'request_header', name: 'x' }, map: new Map(map), onNoMatch: null };
}

function embedded(name: string, type: FilterType, config: unknown = {}): EmbeddedFilter {
  return { name, typeUrl: name, type, config };
}

function noting(name: string, seen: string[]): HttpFilter {
  return {
    onRequestHeaders: () => void seen.push(`${name}>`),
    onResponseHeaders: () => void seen.push(`<${name}`),
  };
}

const execute = (filters: readonly EmbeddedFilter[] | string): MatchAction => ({
  kind: 'execute',
  filters,
  samplePercent: null,
});
const config = (some: Partial<MatchedFilterConfig>): MatchedFilterConfig => ({
  matcher: null,
  filter: null,
  namedChains: new Map(),
  ...some,
});

describe('composite', () => {
  it('puts the chosen filters in its place, each met in its turn', () => {
    const seen: string[] = [];
    const [a, b] = ['a', 'b'].map((name) => embedded(name, asFilterType(noting(name, seen))));
    const matcher = byX({ both: execute([a as EmbeddedFilter, b as EmbeddedFilter]), named: execute('n') });
    const scene = new FilterScene(composite, config({ matcher, namedChains: new Map([['n', [b as EmbeddedFilter]]]) }));
    scene.ask({ headers: ['x', 'both'] });
    assert.deepEqual(seen.splice(0), ['a>', 'b>', '<b', '<a']);
    scene.ask({ headers: ['x', 'named'] });
    assert.deepEqual(seen.splice(0), ['b>', '<b']);
    scene.ask({ headers: ['x', 'other'] });
    assert.deepEqual(seen, []);
    assert.deepEqual({ ...scene.stats }, { 'http.http.composite.filter_delegation_success': 2 });
  });

  it('has those who wait hold the call, and those who answer end it', async () => {
    const seen: string[] = [];
    const waiting: HttpFilter = { onRequestHeaders: () => Promise.resolve() };
    const answering: HttpFilter = { onRequestHeaders: (callbacks) => callbacks.reply({ status: 418 }) };
    const matcher = byX({
      a: execute([
        embedded('first', asFilterType(noting('first', seen))),
        embedded('wait', asFilterType(waiting)),
        embedded('answer', asFilterType(answering)),
        embedded('last', asFilterType(noting('last', seen))),
      ]),
    });
    const { caller } = new FilterScene(composite, config({ matcher })).send({ headers: ['x', 'a'] });
    assert.equal(caller.status, 0);
    await Promise.resolve();
    await Promise.resolve();
    assert.equal(caller.status, 418);
    assert.deepEqual(seen, ['first>', '<last', '<first']);
  });

  it('compiles what it embeds once, with the overrides of its type', () => {
    const made: unknown[] = [];
    const type: FilterType = {
      compile: (...[its, overrides]) => {
        made.push([its, ...overrides]);
        return null;
      },
    };
    const override = [
      filterOverride('e', { config: 'own' }),
      filterOverride('other', { config: 'nobody' }),
    ] as FilterOverride[];
    const matcher = byX({ a: execute([embedded('e', type, 'base')]) });
    const { environment } = new FilterScene(composite, config({ matcher }));
    made.length = 0;
    composite.compile(config({ matcher }), override, environment);
    assert.deepEqual(made, [['base', 'own']]);
  });

  it('takes the most specific matcher, and does nothing without one', () => {
    const { environment } = new FilterScene(composite, config({}));
    const answering = asFilterType({ onRequestHeaders: (callbacks) => callbacks.reply({ status: 418 }) });
    const matcher = byX({ a: execute([embedded('e', answering)]) });
    const override = (own: MatcherNode<MatchAction> | null) =>
      filterOverride('c', { config: new MatcherOverride(own) });
    assert.equal(composite.compile(config({}), [], environment), null);
    assert.equal(composite.compile(config({ matcher }), [override(matcher), override(null)], environment), null);
    assert.notEqual(composite.compile(config({}), [override(null), override(matcher)], environment), null);
  });
});
