import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { type ClusterLoadAssignment, type MeshError, VirtualClock } from '@inmesh/core';
import { dnsResolver } from './dns.ts';

type Answer = readonly string[] | Error;

/** A resolver whose answers the test gives one by one, and the events that come out. */
function dialogue() {
  const clock = new VirtualClock();
  const events = new EventEmitter();
  const answers: Answer[] = [];
  const asked: string[] = [];
  const resolver = dnsResolver({
    clock,
    lookup: async (host) => {
      asked.push(host);
      const answer = answers.shift() ?? new Error('ENOTFOUND');
      setImmediate(() => events.emit('looked'));
      if (answer instanceof Error) throw answer;
      return answer;
    },
  });
  const seen: string[] = [];
  const watch = (target: string) =>
    resolver.watch(
      target,
      {
        changed: (value: ClusterLoadAssignment) =>
          seen.push(
            value.localities.flatMap(({ endpoints }) => endpoints.map(({ address }) => JSON.stringify(address))).join(),
          ),
        resourceError: (error: MeshError) => seen.push(`resource error ${error.flag}`),
        ambientError: (error: MeshError) => seen.push(`ambient error ${error.flag}`),
      },
      { refreshMs: 5_000 },
    );
  const looked = () => once(events, 'looked');
  return { clock, answers, asked, seen, watch, looked };
}

const address = (host: string) => JSON.stringify({ kind: 'socket', host, port: 80 });

describe('endpoints from DNS', () => {
  it('gives every address, tells changes only, and ignores their order', async () => {
    const { clock, answers, asked, seen, watch, looked } = dialogue();
    answers.push(['10.0.0.2', '10.0.0.1'], ['10.0.0.1', '10.0.0.2'], ['10.0.0.1']);
    watch('db.example:80');
    await looked();
    assert.deepEqual(seen, [[address('10.0.0.1'), address('10.0.0.2')].join()]);
    clock.advance(5_000);
    await looked();
    assert.equal(seen.length, 1);
    clock.advance(5_000);
    await looked();
    assert.equal(seen[1], address('10.0.0.1'));
    assert.deepEqual(asked, ['db.example', 'db.example', 'db.example']);
  });

  it('has no endpoints while the name never resolved, and keeps the last ones when it fails later', async () => {
    const { clock, answers, seen, watch, looked } = dialogue();
    answers.push(new Error('ENOTFOUND'), ['10.0.0.1'], new Error('SERVFAIL'));
    watch('db.example:80');
    await looked();
    clock.advance(5_000);
    await looked();
    clock.advance(5_000);
    await looked();
    assert.deepEqual(seen, ['resource error DF', address('10.0.0.1'), 'ambient error DF']);
  });

  it('asks no more once nobody watches', async () => {
    const { clock, answers, asked, watch, looked } = dialogue();
    answers.push(['10.0.0.1']);
    const stop = watch('db.example:80');
    await looked();
    stop();
    clock.advance(60_000);
    assert.equal(asked.length, 1);
    assert.equal(clock.pending, 0);
  });
});
