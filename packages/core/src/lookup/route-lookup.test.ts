import assert from 'node:assert/strict';
import { isMeshError } from '../errors.ts';
import type { RouteLookupConfig } from '../model/route-lookup.ts';
import { makeCall } from '../testing/caller.ts';
import { VirtualClock } from '../util/virtual-clock.ts';
import type { LookupAnswer } from './lookup-cache.ts';
import { RouteLookup, type RouteLookupRequest } from './route-lookup.ts';
import { RouteLookups } from './route-lookups.ts';

const CONFIG: RouteLookupConfig = {
  keyBuilders: [
    {
      names: [{ service: 'shop.Cart', method: '' }],
      headers: [{ key: 'user', names: ['x-user'] }],
      extraKeys: { host: '', service: '', method: '' },
      constantKeys: {},
    },
  ],
  lookupService: 'lookup:443',
  lookupServiceTimeoutMs: 10_000,
  maxAgeMs: 60_000,
  staleAgeMs: 30_000,
  cacheSizeBytes: 1_000,
  defaultTarget: '',
};

interface Asked extends RouteLookupRequest {
  readonly answer: (...targets: string[]) => Promise<void>;
  readonly answerWith: (answer: LookupAnswer) => Promise<void>;
  readonly fail: (reason: string) => Promise<void>;
}

/** A lookup service that the test plays: it answers what it was asked when it likes. `drawn`: what chance says; 0.5 is no jitter. */
function scene(options: Partial<RouteLookupConfig> = {}, drawn = { value: 0.5 }) {
  const clock = new VirtualClock();
  const asked: Asked[] = [];
  const seen = { closed: 0, changed: 0, recovered: () => {} };
  const parts = {
    open: (_: RouteLookupConfig, onRecovered: () => void) => {
      seen.recovered = onRecovered;
      return {
        lookup: (request: RouteLookupRequest) =>
          new Promise<LookupAnswer>((resolve, reject) => {
            // Whoever waits for the promise hears of it before the test goes on.
            const settled = () => new Promise<void>((done) => setImmediate(done));
            const answerWith = (answer: LookupAnswer) => {
              resolve(answer);
              return settled();
            };
            asked.push({
              ...request,
              answerWith,
              answer: (...targets) => answerWith({ targets, headerData: '' }),
              fail: (reason) => {
                reject(new Error(reason));
                return settled();
              },
            });
          }),
        close: () => {
          seen.closed++;
        },
      };
    },
    clock,
    random: () => drawn.value,
  };
  const config = { ...CONFIG, ...options };
  const lookup = new RouteLookup({ ...parts, config, changed: () => seen.changed++ });
  const callOf = (user: string) => makeCall({ path: '/shop.Cart/Add', headers: ['x-user', user] });
  const choose = (user = 'ann') => {
    const choice = lookup.choose(callOf(user));
    return isMeshError(choice) ? choice.reason : choice;
  };
  const last = () => asked.at(-1) ?? assert.fail('nothing was asked');
  return { clock, asked, seen, lookup, callOf, choose, last, parts, config };
}

describe('RouteLookup', () => {
  it('asks once for all calls with the same keys, and tells those that wait', async () => {
    const { asked, seen, choose, last } = scene();
    assert.equal(choose('ann'), null);
    assert.equal(choose('ann'), null);
    assert.equal(choose('bob'), null);
    const requests = asked.map(({ keys, reason, staleHeaderData }) => [keys, reason, staleHeaderData]);
    assert.deepEqual(requests, [
      [{ user: 'ann' }, 'miss', ''],
      [{ user: 'bob' }, 'miss', ''],
    ]);
    await last().answer('east', 'west');
    assert.equal(seen.changed, 1);
    assert.deepEqual([choose('bob'), choose('ann')], [['east', 'west'], null]);
    assert.equal(asked.length, 2);
  });

  it('uses an answer until max_age, and asks anew for one in use from stale_age on, with what came with it', async () => {
    const { asked, clock, choose, last } = scene();
    choose();
    await last().answerWith({ targets: ['east'], headerData: 'd1' });
    clock.advance(29_999);
    choose();
    assert.equal(asked.length, 1);
    clock.advance(1);
    assert.deepEqual(choose(), ['east']);
    assert.deepEqual(choose(), ['east']);
    assert.equal(asked.length, 2);
    assert.deepEqual([last().reason, last().staleHeaderData], ['stale', 'd1']);
    await last().answer('west');
    assert.deepEqual(choose(), ['west']);
    clock.advance(60_000);
    assert.equal(choose(), null);
    assert.deepEqual([asked.length, last().reason, last().staleHeaderData], [3, 'miss', '']);
  });

  it('keeps an answer that cannot be had anew, and asks no more often than its backoff allows', async () => {
    const { asked, clock, choose, last } = scene();
    choose();
    await last().answer('east');
    clock.advance(30_000);
    choose();
    await last().fail('away');
    assert.deepEqual(choose(), ['east']);
    clock.advance(999);
    choose();
    assert.equal(asked.length, 2);
    clock.advance(1);
    assert.deepEqual(choose(), ['east']);
    assert.equal(asked.length, 3);
  });

  it('fails calls while a key that failed is left alone: a second, then 1.6 times as long, at most two minutes', async () => {
    const { asked, clock, choose, last } = scene();
    choose();
    await last().fail('no such user');
    assert.equal(choose(), 'lookup service lookup:443: no such user');
    for (const ms of [1_000, 1_600, 2_560]) {
      clock.advance(ms - 1);
      assert.notEqual(choose(), null);
      clock.advance(1);
      assert.equal(choose(), null);
      await last().fail('no such user');
    }
    assert.equal(asked.length, 4);
    for (let i = 0; i < 20; i++) {
      clock.advance(120_000);
      assert.equal(choose(), null);
      await last().fail('no such user');
    }
    clock.advance(119_999);
    assert.notEqual(choose(), null);
  });

  it('takes an answer without a target for a failure', async () => {
    const { choose, last } = scene();
    choose();
    await last().answer();
    assert.equal(choose(), 'lookup service lookup:443: the answer names no target');
  });

  it('sends calls to the default target, where there is one, while the lookup fails', async () => {
    const { choose, clock, last } = scene({ defaultTarget: 'anywhere' });
    assert.equal(choose(), null, 'but waits for the answer');
    await last().fail('away');
    assert.deepEqual(choose(), ['anywhere']);
    clock.advance(1_000);
    assert.equal(choose(), null);
    await last().answer('east');
    assert.deepEqual(choose(), ['east']);
  });

  it('holds lookups back from a service that fails them; such calls are not in backoff and wait for nothing', async () => {
    const drawn = { value: 0.5 };
    const { asked, choose, last } = scene({ cacheSizeBytes: 1_000_000 }, drawn);
    for (let i = 0; i < 8; i++) {
      choose(`user ${i}`);
      await last().fail('overloaded');
    }
    drawn.value = 0.49;
    assert.equal(
      choose('another'),
      'lookup service lookup:443: the lookup is held back, because the service fails too many',
    );
    assert.equal(asked.length, 8);
    drawn.value = 0.99;
    assert.equal(choose('another'), null);
  });

  it('asks for failed keys at once when the service can be reached again', async () => {
    const { asked, seen, choose, last } = scene();
    choose();
    await last().fail('unreachable');
    assert.notEqual(choose(), null);
    const before = seen.changed;
    seen.recovered();
    assert.equal(seen.changed, before + 1);
    assert.equal(choose(), null);
    assert.equal(asked.length, 2);
  });

  it('says the same to all who ask for one call, and something else once its keys are others', async () => {
    const { clock, lookup, callOf, choose, last } = scene();
    const call = callOf('ann');
    assert.equal(lookup.choose(call), null);
    await last().answerWith({ targets: ['east'], headerData: 'd1' });
    assert.deepEqual(lookup.choose(call), ['east']);
    assert.deepEqual(call.specified?.headers, ['x-google-rls-data', 'd1']);
    clock.advance(60_000);
    assert.equal(choose('ann'), null);
    assert.deepEqual(lookup.choose(call), ['east']);
    call.head.headers.set('x-user', 'bob');
    assert.equal(lookup.choose(call), null);
  });

  it('finds an answer once more that is too large for the cache, because calls waited for it', async () => {
    const { clock, choose, last, asked } = scene({ cacheSizeBytes: 1 });
    choose('ann');
    await last().answer('east');
    choose('bob');
    await last().answer('west');
    assert.deepEqual([choose('ann'), choose('bob')], [['east'], ['west']]);
    clock.advance(5_000);
    choose('eve');
    await last().answer('east');
    assert.equal(asked.length, 3);
    assert.equal(choose('ann'), null);
  });

  it('refuses calls that are none of gRPC', () => {
    const { lookup, asked } = scene({ defaultTarget: 'anywhere' });
    const choice = lookup.choose(makeCall({ path: '/' }));
    assert.ok(isMeshError(choice) && choice.code === 'no_cluster');
    assert.match(choice.message, /\/ is not of the form \/service\/method/);
    assert.equal(asked.length, 0);
  });

  it('tells nobody of an answer that comes after it was closed', async () => {
    const { seen, lookup, choose, last } = scene();
    choose();
    lookup.close();
    await last().answer('east');
    assert.deepEqual([seen.closed, seen.changed], [1, 0]);
  });
});

describe('RouteLookups', () => {
  it('shares what was learned among all with equal settings, until the last of them lets go', async () => {
    const { seen, callOf, last, parts, config, asked } = scene();
    const lookups = new RouteLookups(parts);
    const told: string[] = [];
    const first = lookups.acquire(config, () => told.push('first'));
    const second = lookups.acquire(structuredClone(config), () => told.push('second'));
    const other = lookups.acquire({ ...config, maxAgeMs: 1 }, () => told.push('other'));
    assert.equal(first.specifier, second.specifier);
    assert.notEqual(first.specifier, other.specifier);
    first.specifier.choose(callOf('ann'));
    await last().answer('east');
    assert.deepEqual(told, ['first', 'second']);
    first.release();
    first.release();
    assert.equal(seen.closed, 0);
    assert.deepEqual(second.specifier.choose(callOf('ann')), ['east']);
    second.release();
    assert.equal(seen.closed, 1);
    const again = lookups.acquire(config, () => {});
    assert.equal(again.specifier.choose(callOf('ann')), null);
    assert.equal(asked.length, 2);
  });
});
