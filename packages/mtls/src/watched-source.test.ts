import assert from 'node:assert/strict';
import { MeshError, type Unwatch } from '@inmesh/core';
import { type Teller, WatchedSource } from './watched-source.ts';

const error = (message: string): MeshError => new MeshError('connection_failure', message);

describe('WatchedSource', () => {
  let tellers: Teller<string>[];
  let running: number;
  let thrown: string[];
  let source: WatchedSource<string>;

  beforeEach(() => {
    tellers = [];
    running = 0;
    thrown = [];
    source = new WatchedSource<string>(
      (teller) => {
        tellers.push(teller);
        running++;
        return () => running--;
      },
      (one, other) => one === other,
      (problem) => thrown.push(problem.message),
    );
  });

  const listen = (heard: string[]): Unwatch =>
    source.watch({
      changed: (value) => heard.push(value),
      resourceError: ({ message }) => heard.push(`lost ${message.slice(-1)}`),
      ambientError: ({ message }) => heard.push(`trouble ${message.slice(-1)}`),
      recovered: () => heard.push('recovered'),
    });

  it('runs from the first watcher to the last, and begins anew then', () => {
    const first = listen([]);
    const second = listen([]);
    assert.equal(tellers.length, 1);
    first();
    first();
    assert.equal(running, 1);
    tellers[0]?.changed('a');
    second();
    assert.equal(running, 0);
    const heard: string[] = [];
    listen(heard);
    assert.equal(tellers.length, 2);
    tellers[0]?.changed('of the first run');
    assert.deepEqual(heard, []);
  });

  it('tells later watchers what is known', () => {
    listen([]);
    tellers[0]?.changed('a');
    tellers[0]?.failed(error('1'));
    const heard: string[] = [];
    listen(heard);
    assert.deepEqual(heard, ['a', 'trouble 1']);
    tellers[0]?.lost(error('2'));
    const later: string[] = [];
    listen(later);
    assert.deepEqual(later, ['lost 2']);
  });

  it('tells whether what was known is still good', () => {
    const heard: string[] = [];
    listen(heard);
    tellers[0]?.failed(error('1'));
    tellers[0]?.changed('a');
    tellers[0]?.changed('a');
    tellers[0]?.failed(error('2'));
    tellers[0]?.changed('a');
    tellers[0]?.lost(error('3'));
    tellers[0]?.failed(error('4'));
    tellers[0]?.changed('a');
    assert.deepEqual(heard, ['lost 1', 'a', 'trouble 2', 'recovered', 'lost 3', 'lost 4', 'a']);
  });

  it('lets no watcher harm another', () => {
    source.watch({
      changed: () => {
        throw new Error('no');
      },
      resourceError: () => {},
      ambientError: () => {},
    });
    const heard: string[] = [];
    listen(heard);
    tellers[0]?.changed('a');
    assert.deepEqual(heard, ['a']);
    assert.deepEqual(thrown, ['a watcher of a source threw']);
  });

  it('tells nothing to who has left, also within a turn', () => {
    const heard: string[] = [];
    let leave: Unwatch = () => {};
    source.watch({ changed: () => leave(), resourceError: () => {}, ambientError: () => {} });
    leave = listen(heard);
    tellers[0]?.changed('a');
    assert.deepEqual(heard, []);
  });
});
