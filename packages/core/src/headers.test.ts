import assert from 'node:assert/strict';
import { Headers } from './headers.ts';

const bytes = (...texts: string[]) => texts.map((text) => Buffer.from(text, 'latin1'));

describe('headers', () => {
  it('keep order and case, and are read in any case', () => {
    const headers = Headers.from(['Host', 'a', 'X-One', '1', 'x-one', '2']);
    assert.deepEqual(headers.flat(), ['Host', 'a', 'X-One', '1', 'x-one', '2']);
    assert.deepEqual(
      [...headers],
      [
        ['Host', 'a'],
        ['X-One', '1'],
        ['x-one', '2'],
      ],
    );
    assert.equal(headers.get('x-one'), '1, 2');
    assert.equal(headers.has('host'), true);
    assert.equal(headers.get('nothing'), undefined);
    assert.equal(headers.has('nothing'), false);
  });

  it('set in the place of the first of the name, and drop the others', () => {
    const headers = Headers.from(['A', '1', 'B', '2', 'a', '3', 'a', '4', 'C', '5']);
    headers.set('a', 'new');
    assert.deepEqual(headers.flat(), ['A', 'new', 'B', '2', 'C', '5']);
    headers.set('d', '6');
    headers.append('B', '7');
    assert.deepEqual(headers.flat(), ['A', 'new', 'B', '2', 'C', '5', 'd', '6', 'B', '7']);
    headers.delete('b');
    headers.delete('nothing');
    assert.deepEqual(headers.flat(), ['A', 'new', 'C', '5', 'd', '6']);
  });

  it('give a record by lower-case name, with a list where a name comes more than once', () => {
    const headers = Headers.from(['Set-Cookie', 'a', 'X', '1', 'set-cookie', 'b', 'SET-COOKIE', 'c']);
    assert.deepEqual({ ...headers.record() }, { 'set-cookie': ['a', 'b', 'c'], x: '1' });
    assert.equal(headers.record(), headers.record());
    headers.append('y', '2');
    assert.equal(headers.record().y, '2');
    assert.equal(headers.get('y'), '2');
  });

  it('give latin1 bytes, and new ones after a change', () => {
    const headers = Headers.from(['x', 'caf\u00e9']);
    assert.deepEqual(headers.raw(), bytes('x', 'caf\u00e9'));
    headers.set('x', 'tea');
    assert.deepEqual(headers.raw(), bytes('x', 'tea'));
  });

  it('from the wire pass the bytes and the record on untouched, until they are changed', () => {
    const raw = bytes('X-A', '1', 'x-b', 'caf\u00e9');
    const record = { 'x-a': '1', 'x-b': 'caf\u00e9' };
    const headers = Headers.fromWire(raw, record);
    assert.equal(headers.raw(), raw);
    assert.equal(headers.record(), record);
    assert.equal(headers.get('x-a'), '1');
    assert.equal(headers.has('x-b'), true);
    assert.equal(headers.has('x-c'), false);
    assert.deepEqual(headers.flat(), ['X-A', '1', 'x-b', 'caf\u00e9']);
    headers.set('x-envoy-attempt-count', '2');
    assert.deepEqual(headers.raw(), bytes('X-A', '1', 'x-b', 'caf\u00e9', 'x-envoy-attempt-count', '2'));
    assert.equal(headers.record()['x-envoy-attempt-count'], '2');
    assert.deepEqual(record, { 'x-a': '1', 'x-b': 'caf\u00e9' });
    assert.equal(raw.length, 4);
  });

  it('from the wire join the values of a list', () => {
    assert.equal(Headers.fromWire(bytes('a', '1', 'a', '2'), { a: ['1', '2'] }).get('a'), '1, 2');
  });

  it('find only what was sent, also by names that every object has', () => {
    for (const headers of [
      Headers.empty(),
      Headers.fromWire([], {}),
      (() => {
        const asked = Headers.from(['a', 'b']);
        asked.record();
        return asked;
      })(),
    ]) {
      for (const name of ['__proto__', 'constructor', 'tostring', 'toString', 'hasOwnProperty']) {
        assert.equal(headers.get(name), undefined, name);
        assert.equal(headers.has(name), false, name);
      }
    }
  });

  it('carry names that every object has', () => {
    const headers = Headers.from(['__proto__', 'x', 'constructor', 'y', '__proto__', 'z']);
    const record = headers.record();
    assert.deepEqual(Object.keys(record), ['__proto__', 'constructor']);
    assert.equal(headers.get('__proto__'), 'x, z');
    assert.equal(headers.get('constructor'), 'y');
    assert.equal(Object.getPrototypeOf(record), null);
    headers.delete('__proto__');
    assert.deepEqual(headers.flat(), ['constructor', 'y']);
  });

  it('copy without anything in common', () => {
    const wire = Headers.fromWire(bytes('a', '1'), { a: '1' });
    const plain = Headers.from(['a', '1']);
    plain.record();
    plain.raw();
    for (const original of [wire, plain]) {
      const copy = original.copy();
      copy.record().a = 'changed by whoever got it';
      assert.equal(original.get('a'), '1');
      assert.equal(original.record().a, '1');
      copy.set('a', '2');
      original.append('b', '3');
      assert.deepEqual(copy.flat(), ['a', '2']);
      assert.deepEqual(original.flat(), ['a', '1', 'b', '3']);
    }
  });
});
