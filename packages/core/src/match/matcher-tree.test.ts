import assert from 'node:assert/strict';
import type { InputMatch, MatcherNode, MatchInput, MatchPredicate, OnMatch } from '../model/matcher-tree.ts';
import { Runtime } from '../runtime/runtime.ts';
import { type CallOptions, makeCall } from '../testing/caller.ts';
import { plainRegex } from '../testing/plain-regex.ts';
import { seededRandom } from '../util/random.ts';
import { compileRanges, parseIp } from './ip.ts';
import { compileMatcherTree } from './matcher-tree.ts';

const parts = { regex: plainRegex, runtime: new Runtime(), random: seededRandom(1) };
const x: MatchInput = { kind: 'request_header', name: 'x' };
const is = (value: string, kind: 'exact' | 'prefix' = 'exact'): MatchPredicate => ({
  kind: 'single',
  input: x,
  test: { kind: 'string', match: { kind, value, ignoreCase: false } },
});
const act = (action: string, keepMatching = false): OnMatch<string> => ({ kind: 'action', action, keepMatching });
const list = (
  matchers: readonly (readonly [MatchPredicate, OnMatch<string>])[],
  onNoMatch: OnMatch<string> | null = null,
): MatcherNode<string> => ({
  kind: 'list',
  matchers: matchers.map(([predicate, onMatch]) => ({ predicate, onMatch })),
  onNoMatch,
});
const nested = (matcher: MatcherNode<string>): OnMatch<string> => ({ kind: 'matcher', matcher, keepMatching: false });
const given = (node: MatcherNode<string>, options: CallOptions = {}) =>
  compileMatcherTree(node, parts)(makeCall(options));
const says = (value: string): CallOptions => ({ headers: ['x', value] });

describe('matcher tree', () => {
  it('takes the first of a list that matches, else what it has for no match', () => {
    const tree = list(
      [
        [is('a', 'prefix'), act('one')],
        [is('ab'), act('two')],
        [is('b'), act('three')],
      ],
      act('none'),
    );
    assert.deepEqual(
      ['ab', 'b', 'c'].map((value) => given(tree, says(value))),
      ['one', 'three', 'none'],
    );
    assert.equal(given(tree), 'none');
    assert.equal(given(list([])), null);
  });

  it('goes on behind a nested matcher that matches nothing', () => {
    const inner = list([[is('abc'), act('inner')]]);
    const tree = list(
      [
        [is('a', 'prefix'), nested(inner)],
        [is('ab', 'prefix'), act('next')],
      ],
      act('none'),
    );
    assert.deepEqual(
      ['abc', 'abd', 'ac'].map((value) => given(tree, says(value))),
      ['inner', 'next', 'none'],
    );
  });

  it('passes over what is to keep matching', () => {
    const tree = list([
      [is('a'), act('noted', true)],
      [is('a'), act('taken')],
    ]);
    assert.equal(given(tree, says('a')), 'taken');
  });

  it('looks a value up, whole or by its longest beginning', () => {
    const map = new Map([
      ['a', act('short')],
      ['abc', act('long')],
      ['ab', nested(list([[is('abz'), act('inner')]]))],
      ['é', act('letter')],
    ]);
    const exact: MatcherNode<string> = { kind: 'exact_map', input: x, map, onNoMatch: act('none') };
    assert.deepEqual(
      ['a', 'abc', 'abcd', 'ab', ''].map((value) => given(exact, says(value))),
      ['short', 'long', 'none', 'none', 'none'],
    );
    assert.equal(given(exact), 'none');
    assert.equal(given(exact, says(Buffer.from('é').toString('latin1'))), 'letter');
    const prefix: MatcherNode<string> = { ...exact, kind: 'prefix_map' };
    assert.deepEqual(
      ['abcd', 'abz', 'abd', 'x', ''].map((value) => given(prefix, says(value))),
      ['long', 'inner', 'short', 'none', 'none'],
    );
    assert.equal(given({ ...prefix, onNoMatch: null }), null);
  });

  it('and, or, not', () => {
    const and = { kind: 'and', predicates: [is('a', 'prefix'), { kind: 'not', predicate: is('ab') }] } as const;
    const or = { kind: 'or', predicates: [is('b'), and] } as const;
    const tree = list([[or, act('yes')]]);
    assert.deepEqual(
      ['a', 'ab', 'ac', 'b', 'c'].map((value) => given(tree, says(value)) !== null),
      [true, false, true, true, false],
    );
    assert.equal(given(tree), null);
    assert.equal(given(list([[{ kind: 'not', predicate: is('a') }, act('yes')]])), 'yes');
  });

  it('joins the values of a header by commas', () => {
    assert.equal(given(list([[is('a,b'), act('both')]]), { headers: ['x', 'a', 'X', 'b'] }), 'both');
  });

  it('looks at queries, filter state and metadata', () => {
    const tree = (input: MatchInput) =>
      compileMatcherTree(
        list([
          [
            {
              kind: 'single',
              input,
              test: { kind: 'string', match: { kind: 'exact', value: 'v', ignoreCase: false } },
            },
            act('yes'),
          ],
        ]),
        parts,
      );
    const call = makeCall({ path: '/?q=v' });
    assert.equal(tree({ kind: 'query_parameter', name: 'q' })(call), 'yes');
    assert.equal(tree({ kind: 'filter_state', key: 'k' })(call), null);
    assert.equal(tree({ kind: 'dynamic_metadata', filter: 'f', path: ['k'] })(call), null);
    call.filterState = new Map([['k', 'v']]);
    call.metadata = new Map([['f', { k: 'v' }]]);
    assert.equal(tree({ kind: 'filter_state', key: 'k' })(call), 'yes');
    assert.equal(tree({ kind: 'dynamic_metadata', filter: 'f', path: ['k'] })(call), 'yes');
  });

  it('tests addresses, hashes, shares and values', () => {
    const yes = (test: InputMatch, value: string | null, input: MatchInput = x) =>
      given(list([[{ kind: 'single', input, test }, act('yes')]]), value === null ? {} : says(value)) !== null;
    const ip: InputMatch = { kind: 'ip', ranges: [{ address: '10.0.0.0', length: 8 }] };
    assert.deepEqual(
      [yes(ip, '10.9.9.9'), yes(ip, '11.0.0.1'), yes(ip, 'ten'), yes(ip, null)],
      [true, false, false, false],
    );
    // xxHash64 of `foo` is 3728699739546630719, of `bar` 5234164152756840025.
    const hash = (threshold: number): InputMatch => ({ kind: 'consistent_hashing', threshold, modulo: 100, seed: 0n });
    assert.deepEqual(
      [yes(hash(19), 'foo'), yes(hash(20), 'foo'), yes(hash(25), 'bar'), yes(hash(26), 'bar'), yes(hash(0), null)],
      [true, false, true, false, false],
    );
    const share = (numerator: number): InputMatch => ({
      kind: 'runtime_fraction',
      fraction: { runtimeKey: '', defaultValue: { numerator, denominator: 100 } },
      seed: 0n,
    });
    assert.deepEqual([yes(share(20), 'foo'), yes(share(19), 'foo'), yes(share(100), null)], [true, false, false]);
    const value: InputMatch = { kind: 'metadata', value: { kind: 'present', present: true }, invert: true };
    assert.equal(yes(value, null, { kind: 'dynamic_metadata', filter: 'f', path: ['k'] }), true);
  });
});

describe('IP ranges', () => {
  it('of both families', () => {
    const within = compileRanges([
      { address: '10.1.0.0', length: 16 },
      { address: 'fd00::', length: 8 },
      { address: 'no address', length: 0 },
    ]);
    const inside = ['10.1.255.255', 'fd12:3456::1'];
    const outside = ['10.2.0.0', '::ffff:10.1.0.1', 'fe80::1', '', '10.1.0', '10.1.0.256', '010.1.0.0', '1::2::3'];
    for (const address of inside) assert.equal(within(address), true, address);
    for (const address of outside) assert.equal(within(address), false, address);
    assert.equal(compileRanges([{ address: '0.0.0.0', length: 0 }])('255.255.255.255'), true);
  });

  it('reads every way of writing an IPv6 address', () => {
    const bits = (text: string) => parseIp(text)?.bits;
    assert.equal(bits('::1'), 1n);
    assert.equal(bits('::'), 0n);
    assert.equal(bits('1:2:3:4:5:6:7:8'), 0x0001_0002_0003_0004_0005_0006_0007_0008n);
    assert.equal(bits('::ffff:1.2.3.4'), 0xffff_0102_0304n);
    for (const text of ['1:2:3', ':1', '1:2:3:4:5:6:7:8:9', '1:2:3:4:5:6:7::8', '::g', '::12345']) {
      assert.equal(parseIp(text), null, text);
    }
  });
});
