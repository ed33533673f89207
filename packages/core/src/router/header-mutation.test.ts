import assert from 'node:assert/strict';
import { shownRequest } from '../format/shown.ts';
import type { HeaderAppendAction, HeaderToAdd } from '../model/header-mutation.ts';
import { makeCall } from '../testing/caller.ts';
import { compileHeaderMutations } from './header-mutation.ts';

function add(name: string, value: string, action: HeaderAppendAction = 'append_if_exists_or_add'): HeaderToAdd {
  return { name, value, action, keepEmptyValue: false };
}

function mutate(before: string[], added: readonly HeaderToAdd[], remove: readonly string[] = []): readonly string[] {
  const call = makeCall({ headers: before });
  compileHeaderMutations({ add: added, remove })?.(call.head.headers, shownRequest(call, 0));
  return call.head.headers.flat();
}

describe('header mutation', () => {
  it('is nothing where nothing is to be done', () => {
    assert.equal(compileHeaderMutations({ add: [], remove: [] }), null);
  });

  it('removes before it adds', () => {
    assert.deepEqual(mutate(['X-A', '1', 'x-a', '2', 'b', '3'], [add('x-a', 'new')], ['x-a']), [
      'b',
      '3',
      'x-a',
      'new',
    ]);
  });

  it('heeds the append action', () => {
    const there = ['a', '1'];
    assert.deepEqual(mutate(there, [add('a', '2')]), ['a', '1', 'a', '2']);
    assert.deepEqual(mutate(there, [add('a', '2', 'add_if_absent'), add('b', '2', 'add_if_absent')]), [
      'a',
      '1',
      'b',
      '2',
    ]);
    assert.deepEqual(mutate(there, [add('a', '2', 'overwrite_if_exists'), add('b', '2', 'overwrite_if_exists')]), [
      'a',
      '2',
    ]);
    assert.deepEqual(
      mutate(there, [add('a', '2', 'overwrite_if_exists_or_add'), add('b', '2', 'overwrite_if_exists_or_add')]),
      ['a', '2', 'b', '2'],
    );
  });

  it('makes all values from the headers as they were', () => {
    const added = [add('a', 'new', 'overwrite_if_exists_or_add'), add('b', '%REQ(a)%'), add('c', '%REQ(b)%')];
    assert.deepEqual(mutate(['a', 'old'], added), ['a', 'new', 'b', 'old']);
  });

  it('leaves a header without a value out, unless it is to be kept', () => {
    assert.deepEqual(mutate([], [add('a', ''), { ...add('b', ''), keepEmptyValue: true }]), ['b', '']);
  });

  it('lets no line break through', () => {
    const call = makeCall({ path: '/a\r\nx-evil: 1' });
    compileHeaderMutations({ add: [add('a', '%REQ(:path)%')], remove: [] })?.(call.head.headers, shownRequest(call, 0));
    assert.deepEqual(call.head.headers.flat(), ['a', '/ax-evil: 1']);
  });
});
