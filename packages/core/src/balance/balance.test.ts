import assert from 'node:assert/strict';
import type { Call } from '../call.ts';
import { Endpoint } from '../cluster/endpoint.ts';
import { makeCall } from '../testing/caller.ts';
import { host } from '../testing/models.ts';
import { seededRandom } from '../util/random.ts';
import { hostSet } from './host-set.ts';
import { LeastRequest } from './least-request.ts';
import { RoundRobin } from './round-robin.ts';
import { schedule } from './schedule.ts';

const locality = { region: '', zone: '', subZone: '' };

/** Hosts named by their place in the list, with these weights. */
function hosts(...weights: number[]): Endpoint[] {
  return weights.map((weight, i) => new Endpoint(host(i + 1, { weight }), locality, 0));
}

const index = (endpoint: Endpoint) => Number(endpoint.key.split(':')[1]) - 1;

function counts(turns: Iterable<Endpoint>, size: number): number[] {
  const result = new Array<number>(size).fill(0);
  for (const endpoint of turns) result[index(endpoint)] = (result[index(endpoint)] ?? 0) + 1;
  return result;
}

function* draws(balancer: { pick(call: Call): Endpoint }, count: number): Generator<Endpoint> {
  const call = makeCall();
  for (let i = 0; i < count; i++) yield balancer.pick(call);
}

describe('schedule', () => {
  it('is the hosts themselves where all weigh the same', () => {
    const even = hosts(7, 7, 7);
    assert.equal(schedule(even), even);
    assert.deepEqual(schedule([]), []);
  });

  it('gives exact shares, divided by what the weights share', () => {
    const weighted = hosts(30, 20, 10);
    assert.deepEqual(counts(schedule(weighted), 3), [3, 2, 1]);
    assert.deepEqual(counts(schedule(hosts(1, 100)), 2), [1, 100]);
    assert.deepEqual(counts(schedule(hosts(128, 64, 64)), 3), [2, 1, 1]);
  });

  it('spreads the turns of a host: none has many in a row', () => {
    assert.deepEqual(schedule(hosts(2, 1, 1)).map(index), [0, 1, 2, 0]);
    const turns = schedule(hosts(5, 3, 2)).map(index);
    let longest = 0;
    let run = 0;
    for (let i = 0; i < turns.length * 2; i++) {
      run = turns[i % turns.length] === turns[(i + 1) % turns.length] ? run + 1 : 0;
      longest = Math.max(longest, run);
    }
    assert.ok(longest <= 1, turns.join(''));
    // In any part of the round a host has its share, give or take one turn.
    for (let length = 1; length <= turns.length; length++) {
      const seen = turns.slice(0, length).filter((turn) => turn === 0).length;
      assert.ok(Math.abs(seen - length * 0.5) <= 1, turns.join(''));
    }
  });

  it('is bounded however large the weights are, and nobody is left out', () => {
    const weighted = hosts(1_000_003, 1, 499_979);
    const turns = schedule(weighted);
    assert.ok(turns.length <= 3 * 128 + 3, `${turns.length} turns`);
    const [large = 0, small = 0, middle = 0] = counts(turns, 3);
    assert.equal(small, 1);
    assert.ok(Math.abs(large / middle - 2) < 0.05, `${large} : ${middle}`);
  });
});

describe('round robin', () => {
  it('is exact over rounds, whatever place it starts at', () => {
    for (const seed of [1, 2, 3]) {
      assert.deepEqual(counts(draws(new RoundRobin(hosts(1, 1, 1), seededRandom(seed)), 300), 3), [100, 100, 100]);
      assert.deepEqual(counts(draws(new RoundRobin(hosts(3, 1), seededRandom(seed)), 400), 2), [300, 100]);
    }
  });

  it('starts at a random place, and any', () => {
    const first = new Set<number>();
    const random = seededRandom(5);
    for (let i = 0; i < 200; i++) first.add(index(new RoundRobin(hosts(1, 1, 1, 1), random).pick()));
    assert.deepEqual([...first].sort(), [0, 1, 2, 3]);
    assert.equal(index(new RoundRobin(hosts(1, 1), () => 0).pick()), 0);
    assert.equal(index(new RoundRobin(hosts(1, 1), () => 0.999_999).pick()), 1);
  });
});

describe('least request', () => {
  it('of two hosts prefers the one with fewer calls', () => {
    const [busy, free] = hosts(1, 1) as [Endpoint, Endpoint];
    busy.stats.rq_active = 5;
    const [toBusy = 0, toFree = 0] = counts(draws(new LeastRequest([busy, free], 2, 1, seededRandom(1)), 4_000), 2);
    // Both draws fall on the busy one in a quarter of the cases.
    assert.ok(Math.abs(toBusy - 1_000) < 120, `${toBusy} : ${toFree}`);
  });

  it('evens out the calls in flight: two choices leave under half of the spread that chance alone leaves', () => {
    const spread = (choices: number) => {
      const endpoints = hosts(1, 1, 1, 1, 1);
      const random = seededRandom(2);
      const balancer = new LeastRequest(endpoints, choices, 1, random);
      const running: Endpoint[] = [];
      let sum = 0;
      for (let i = 0; i < 5_000; i++) {
        const picked = balancer.pick();
        picked.stats.rq_active++;
        running.push(picked);
        if (running.length <= 50) continue;
        const [ended] = running.splice(Math.floor(random() * running.length), 1);
        if (ended !== undefined) ended.stats.rq_active--;
        const active = endpoints.map((endpoint) => endpoint.stats.rq_active);
        sum += Math.max(...active) - Math.min(...active);
      }
      return sum;
    };
    assert.ok(spread(2) < spread(1) / 2, `${spread(2)} : ${spread(1)}`);
  });

  it('compares as many as it is told', () => {
    const endpoints = hosts(...new Array<number>(10).fill(1));
    for (const [i, endpoint] of endpoints.entries()) endpoint.stats.rq_active = i;
    const share = (choices: number) =>
      counts(draws(new LeastRequest(endpoints, choices, 1, seededRandom(3)), 5_000), 10)[0] ?? 0;
    assert.ok(Math.abs(share(1) - 500) < 80);
    assert.ok(share(2) > 850 && share(2) < 1_050);
    assert.ok(share(10) > 3_000);
  });

  it('among idle hosts follows the weights', () => {
    const [light = 0, heavy = 0] = counts(draws(new LeastRequest(hosts(1, 3), 2, 1, seededRandom(4)), 8_000), 2);
    assert.ok(Math.abs(heavy / light - 3) < 0.2, `${light} : ${heavy}`);
  });

  it('with a bias of 0 follows the weights alone', () => {
    const endpoints = hosts(1, 3);
    (endpoints[1] as Endpoint).stats.rq_active = 100;
    const [light = 0, heavy = 0] = counts(draws(new LeastRequest(endpoints, 2, 0, seededRandom(4)), 8_000), 2);
    assert.ok(Math.abs(heavy / light - 3) < 0.2, `${light} : ${heavy}`);
  });
});

describe('host set', () => {
  const options = { healthyPanicThreshold: 50, random: seededRandom(1) } as const;

  it('has a table for each policy, and none without hosts', () => {
    for (const lb of [
      { kind: 'round_robin' },
      { kind: 'least_request', choiceCount: 2, activeRequestBias: 1 },
    ] as const) {
      const set = hostSet(hosts(1, 1), { ...options, lb });
      assert.equal(set.healthy, 2);
      assert.deepEqual(new Set(draws({ pick: (call) => set.pick(call) as Endpoint }, 50)).size, 2);
      assert.equal(hostSet([], { ...options, lb }).pick(makeCall()), null);
      assert.equal(hostSet([], { ...options, lb }).panic, false);
    }
  });

  it('panics below the threshold, not at it', () => {
    const set = (...healths: ('healthy' | 'unhealthy')[]) =>
      hostSet(
        healths.map((health, i) => new Endpoint(host(i + 1, { health }), locality, 0)),
        { ...options, lb: { kind: 'round_robin' } },
      );
    assert.equal(set('healthy', 'unhealthy').panic, false);
    assert.equal(set('healthy', 'unhealthy', 'unhealthy').panic, true);
    assert.equal(set('unhealthy').panic, true);
  });
});
