import assert from 'node:assert/strict';
import { Headers } from '../headers.ts';
import type { HeaderToAdd } from '../model/header-mutation.ts';
import { FilterScene } from '../testing/filter-scene.ts';
import { type HeaderMutationConfig, type HeaderMutationLevel, headerMutation } from './header-mutation.ts';

const nothing: HeaderMutationConfig = {
  request: [],
  query: [],
  response: [],
  responseTrailers: [],
  mostSpecificWins: false,
};
const append = (name: string, value: string, action: HeaderToAdd['action'] = 'append_if_exists_or_add') => ({
  append: { name, value, action, keepEmptyValue: false },
});

function scene(config: Partial<HeaderMutationConfig>, override?: Partial<HeaderMutationLevel>) {
  return new FilterScene(
    headerMutation,
    { ...nothing, ...config },
    override ? { override: { ...nothing, ...override } } : {},
  );
}

describe('header_mutation', () => {
  it('is no part of a chain where it has nothing to do', () => {
    const { send, inner } = scene({});
    const { call, caller } = send();
    assert.equal(call.table?.filters.empty, true);
    inner.last.answer();
    assert.equal(caller.status, 200);
  });

  it('does what the listener says, then what the route says', () => {
    const made = scene(
      { request: [append('x', '1')], response: [append('y', '%REQ(x)%')] },
      { request: [append('x', '2'), { remove: 'z' }] },
    );
    const { caller, call } = made.ask({ headers: ['Z', 'gone'] });
    assert.deepEqual(call.head.headers.flat().slice(0, 4), ['x', '1', 'x', '2']);
    assert.equal(caller.headers.get('y'), '1');
  });

  it('changes trailers where there are any', () => {
    const { send, inner } = scene({ responseTrailers: [append('x', '1')] });
    for (const [given, expected] of [
      [
        ['a', 'b'],
        ['a', 'b', 'x', '1'],
      ],
      [[], []],
    ] as const) {
      const { caller } = send();
      const trailers = Headers.from([...given]);
      inner.last.begin().sent().start(200);
      inner.last.handler.onResponseEnd(trailers);
      assert.deepEqual(trailers.flat(), expected);
      assert.equal(caller.endings, 1);
    }
  });

  for (const [path, expected] of [
    ['/p', '/p?a=1&b=2'],
    ['/p?a=0&b=0&gone=1', '/p?a=0&a=1&b=2'],
    ['/p?a=%26%3D%20x', '/p?a=%26%3D%20x&a=1&b=2'],
    ['/p?a=%0d%0aHost:x', '/p?a=%0D%0AHost:x&a=1&b=2'],
    ['/p?a=%zz&&', '/p?a=%25zz&a=1&b=2'],
  ] as const) {
    it(`makes ${expected} of ${path}: what a path must not hold stays encoded`, () => {
      const made = scene({
        query: [
          { key: 'a', value: '1', action: 'append_if_exists_or_add' },
          { key: 'b', value: '2', action: 'overwrite_if_exists_or_add' },
          { remove: 'gone' },
        ],
      });
      assert.equal(made.ask({ path }).call.head.path, expected);
    });
  }

  it('encodes what a format brings', () => {
    const made = scene({ query: [{ key: 'k', value: '%REQ(x)%', action: 'add_if_absent' }] });
    assert.equal(made.ask({ headers: ['x', 'a b\u00e9\u20ac#'] }).call.head.path, '/?k=a%20b%C3%A9%E2%82%AC%23');
  });
});
