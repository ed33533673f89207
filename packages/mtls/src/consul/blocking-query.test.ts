import assert from 'node:assert/strict';
import { VirtualClock } from '@inmesh/core';
import type { ConsulAnswer } from './agent-http.ts';
import { BlockingQuery } from './blocking-query.ts';

interface Asked {
  readonly path: string;
  readonly signal: AbortSignal;
  answer(answer: Partial<ConsulAnswer>): Promise<void>;
  fail(message: string): Promise<void>;
}

describe('BlockingQuery', () => {
  let clock: VirtualClock;
  let asked: Asked[];
  let heard: string[];
  let query: BlockingQuery;
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  beforeEach(() => {
    clock = new VirtualClock();
    asked = [];
    heard = [];
    query = new BlockingQuery(
      {
        get: (path, signal) =>
          new Promise((resolve, reject) => {
            asked.push({
              path,
              signal,
              answer: (answer) => {
                resolve({ status: 200, index: 1, body: '{}', ...answer });
                return turn();
              },
              fail: (message) => {
                reject(new Error(message));
                return turn();
              },
            });
          }),
        path: '/v1/thing?dc=a',
        clock,
        random: () => 0.5,
      },
      {
        onValue: (value) => {
          heard.push(JSON.stringify(value));
          if (value === 'bad') throw new Error('of no use');
        },
        onFailed: ({ message }) => heard.push(`failed: ${message}`),
      },
    );
  });

  const next = (ms = 100): string => {
    const { length } = asked;
    clock.advance(ms - 1);
    assert.equal(asked.length, length);
    clock.advance(1);
    assert.equal(asked.length, length + 1);
    return asked.at(-1)?.path ?? '';
  };

  it('asks at once, and then for what comes after', async () => {
    assert.equal(asked[0]?.path, '/v1/thing?dc=a');
    await asked[0]?.answer({ index: 7, body: '"a"' });
    assert.equal(next(), '/v1/thing?dc=a&index=7&wait=300s');
    await asked[1]?.answer({ index: 9, body: '"b"' });
    assert.equal(next(), '/v1/thing?dc=a&index=9&wait=300s');
    assert.deepEqual(heard, ['"a"', '"b"']);
  });

  it('begins anew when the index goes back, or is none', async () => {
    await asked[0]?.answer({ index: 7 });
    next();
    await asked[1]?.answer({ index: 3 });
    assert.equal(next(), '/v1/thing?dc=a');
    await asked[2]?.answer({ index: 0 });
    assert.equal(next(), '/v1/thing?dc=a');
  });

  it('waits longer from failure to failure, and begins anew', async () => {
    await asked[0]?.answer({ index: 7 });
    next();
    await asked[1]?.fail('away');
    assert.equal(next(1_000), '/v1/thing?dc=a');
    await asked[2]?.answer({ status: 403, body: 'Permission denied\n' });
    assert.equal(next(1_600), '/v1/thing?dc=a');
    await asked[3]?.answer({ index: null });
    next(2_560);
    await asked[4]?.answer({ body: '"bad"' });
    next(4_096);
    await asked[5]?.answer({ body: 'no JSON' });
    next(6_553.6);
    await asked[6]?.answer({ index: 8 });
    assert.equal(next(), '/v1/thing?dc=a&index=8&wait=300s');
    assert.deepEqual(heard.slice(1, 4), [
      'failed: away',
      'failed: status 403: Permission denied',
      'failed: the answer has no X-Consul-Index: is this Consul?',
    ]);
    assert.deepEqual(heard.slice(4, 6), ['"bad"', 'failed: of no use']);
  });

  it('gives up what it waits for, and says nothing more', async () => {
    query.close();
    assert.equal(asked[0]?.signal.aborted, true);
    await asked[0]?.fail('aborted');
    assert.deepEqual(heard, []);
    assert.equal(clock.pending, 0);
  });
});
