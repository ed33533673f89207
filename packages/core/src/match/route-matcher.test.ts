import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ROUTE_CONFIGURATION_DEFAULTS, VIRTUAL_HOST_DEFAULTS } from '../model/defaults.ts';
import { NO_CONDITIONS, type RouteConditions } from '../model/matcher.ts';
import type { PathMatch, Route } from '../model/route.ts';
import { Runtime } from '../runtime/runtime.ts';
import { runtimeValue } from '../runtime/runtime-value.ts';
import { makeCall } from '../testing/caller.ts';
import { forward, route } from '../testing/models.ts';
import { plainRegex } from '../testing/plain-regex.ts';
import { seededRandom } from '../util/random.ts';
import { RouteMatcher } from './route-matcher.ts';

const parts = { regex: plainRegex, runtime: new Runtime(), random: seededRandom(1) };

function matcher(routes: readonly Route[], ignoreParameters = false, given: Partial<typeof parts> = {}): RouteMatcher {
  const virtualHost = { ...VIRTUAL_HOST_DEFAULTS, name: 'vh', domains: ['*'], routes };
  const config = {
    ...ROUTE_CONFIGURATION_DEFAULTS,
    ignorePathParametersInPathMatching: ignoreParameters,
    name: 'r',
    virtualHosts: [virtualHost],
  };
  return new RouteMatcher(virtualHost, config, { ...parts, ...given });
}

const to = (path: Partial<PathMatch> | null, conditions: Partial<RouteConditions> = {}): Route =>
  route(forward('a'), {
    path: path === null ? null : { kind: 'prefix', value: '/', caseSensitive: true, ...path },
    conditions: { ...NO_CONDITIONS, ...conditions },
  });
const header = (name: string, value: string) => ({
  name,
  test: { kind: 'string', match: { kind: 'exact', value, ignoreCase: false } } as const,
  invert: false,
  treatMissingAsEmpty: false,
});

/** What a route of the property test asks besides its path. */
function asking(what: string | null): Partial<RouteConditions> {
  if (what === null) return {};
  if (what === ':method') return { headers: [header(':method', 'CONNECT')] };
  if (what === 'not one') return { headers: [{ ...header('x', 'one'), invert: true }, header('x', 'two')] };
  return { headers: [header('x', what)] };
}

describe('the index over paths', () => {
  const segment = fc.constantFrom('a', 'b', 'ab', 'A', 'aB', 'a.b', 'a;x', 'é', '');
  // Half of them alike, so that many begin alike.
  const path = fc.oneof(
    fc.constant('/a'),
    fc.array(segment, { maxLength: 4 }).map((segments) => `/${segments.join('/')}`),
  );
  const kind = fc.constantFrom<PathMatch['kind']>(
    'prefix',
    'path',
    'path_separated_prefix',
    'safe_regex',
    'connect_matcher',
  );
  const pattern = fc
    .tuple(path, fc.constantFrom('', '.*', '?', '|/b', '(x|y)?', '[ab]+', '*'))
    .map(([begin, end]) => `${begin}${end}`);
  const anyRoute = fc.record({
    kind,
    path,
    pattern,
    caseSensitive: fc.boolean(),
    asks: fc.constantFrom(null, 'one', 'two', ':method', 'é', 'not one'),
  });
  const request = fc.record({
    path,
    tail: fc.constantFrom('', '?q=/a', '#f', ';p=1', '/'),
    says: fc.constantFrom('one', ' two ', 'é'),
    method: fc.constantFrom('GET', 'CONNECT'),
  });

  it('finds what a scan of all routes finds first', () => {
    fc.assert(
      fc.property(
        fc.array(anyRoute, { minLength: 9, maxLength: 60 }),
        fc.array(request, { minLength: 1, maxLength: 20 }),
        fc.boolean(),
        (descriptions, requests, ignoreParameters) => {
          const routes = descriptions.map(({ kind, path, pattern, caseSensitive, asks }) =>
            to({ kind, value: kind === 'safe_regex' ? pattern : path, caseSensitive }, asking(asks)),
          );
          const indexed = matcher(routes, ignoreParameters);
          const alone = routes.map((each) => matcher([each], ignoreParameters));
          for (const { path, tail, says, method } of requests) {
            const call = makeCall({
              path: Buffer.from(path + tail).toString('latin1'),
              method,
              headers: ['x', Buffer.from(says).toString('latin1'), 'y', '', 'x', 'other'],
            });
            const first = alone.findIndex((one) => one.find(call) === 0);
            assert.equal(indexed.find(call), first, `${method} ${path}${tail}`);
            assert.deepEqual(
              routes.map((_, position) => indexed.missing(position, call) === null),
              alone.map((one) => one.find(call) === 0),
            );
          }
        },
      ),
      { numRuns: 300, seed: 20 },
    );
  });

  it('asks few of ten thousand routes', () => {
    let asked = 0;
    const counting = {
      ...plainRegex,
      compile: (pattern: string) => {
        const regex = plainRegex.compile(pattern);
        return { ...regex, matches: (text: string) => ++asked > 0 && regex.matches(text) };
      },
    };
    const routes = Array.from({ length: 10_000 }, (_, i) => to({ kind: 'safe_regex', value: `/service-${i}/.*` }));
    const many = matcher([...routes, to({})], false, { regex: counting });
    assert.equal(many.find(makeCall({ path: '/service-9999/x' })), 9_999);
    assert.equal(many.find(makeCall({ path: '/other' })), 10_000);
    assert.equal(asked, 1);
  });

  it('finds none where none matches', () => {
    const routes = Array.from({ length: 20 }, (_, i) => to({ kind: 'path', value: `/${i}` }));
    assert.equal(matcher(routes).find(makeCall({ path: '/x' })), -1);
    assert.equal(matcher([]).find(makeCall()), -1);
  });
});

describe('route match', () => {
  it('needs the path and all that is asked besides', () => {
    const [first, second] = [header('x', '1'), header('y', '2')];
    const both = matcher([to({ value: '/a' }, { headers: [first, second] })]);
    assert.equal(both.find(makeCall({ path: '/a', headers: ['x', '1', 'y', '2'] })), 0);
    assert.equal(both.missing(0, makeCall({ path: '/b', headers: ['x', '1', 'y', '2'] })), 'path');
    assert.equal(both.missing(0, makeCall({ path: '/a', headers: ['x', '1'] })), 'headers[1] (y)');
    assert.equal(both.missing(0, makeCall({ path: '/a' })), 'headers[0] (x)');
  });

  it('ignores path parameters where the feed says so, but for templates', () => {
    const routes = [
      to({ kind: 'uri_template', value: '/{x}' }),
      to({ kind: 'path', value: '/a/b' }),
      to({ kind: 'safe_regex', value: '/a/c' }),
    ];
    const find = (path: string, ignore: boolean) => matcher(routes, ignore).find(makeCall({ path }));
    assert.deepEqual([find('/a/b;v=1', true), find('/a/b;v=1', false)], [1, -1]);
    assert.deepEqual([find('/a/c;v=1?q', true), find('/a/c?q;v', true)], [2, 2]);
    assert.equal(find('/a;b', true), 0);
  });

  it('for CONNECT alone', () => {
    const connect = matcher([to({ kind: 'connect_matcher', value: '' })]);
    assert.equal(connect.find(makeCall({ method: 'CONNECT' })), 0);
    assert.equal(connect.find(makeCall()), -1);
  });

  it('for gRPC alone: the type, with or without a suffix', () => {
    const grpc = matcher([to({}, { grpc: true })]);
    const given = (type: string) => grpc.find(makeCall({ headers: ['content-type', type] })) === 0;
    assert.deepEqual(['application/grpc', 'application/grpc+proto', 'application/grpc+'].map(given), [
      true,
      true,
      true,
    ]);
    const others = [
      'application/grpc;charset=utf-8',
      'application/grpc-web',
      'Application/grpc',
      'application/grpcx',
      '',
    ];
    assert.deepEqual(others.map(given), [false, false, false, false, false]);
    assert.equal(grpc.find(makeCall()), -1);
  });

  it('knows that no TLS brought the call', () => {
    const given = (presented: boolean | null, validated: boolean | null) =>
      matcher([to({}, { tlsContext: { presented, validated } })]).find(makeCall()) === 0;
    assert.deepEqual(
      [given(null, null), given(false, false), given(true, null), given(false, true)],
      [true, true, false, false],
    );
  });

  it('by a share, for which one value of the call stands in all routes', () => {
    const share = (numerator: number, runtimeKey = '') =>
      to({}, { runtimeFraction: { runtimeKey, defaultValue: { numerator, denominator: 10_000 } } });
    const value = (hundredths: number) => {
      const whole = hundredths / 2 ** 24;
      let draws = 0;
      return { random: () => (draws++ === 0 ? 0 : whole) };
    };
    const split = [share(25), share(26), share(10_000)];
    assert.equal(matcher(split, false, value(24)).find(makeCall()), 0);
    assert.equal(matcher(split, false, value(25)).find(makeCall()), 1);
    assert.equal(matcher(split, false, value(26)).find(makeCall()), 2);
    assert.equal(matcher([share(0)], false, value(0)).find(makeCall()), -1);
    const runtime = new Runtime([{ name: 'test', values: new Map([['canary', runtimeValue(50)]]) }]);
    const canary = (hundredths: number) =>
      matcher([share(0, 'canary')], false, { ...value(hundredths), runtime }).find(makeCall());
    assert.deepEqual([canary(49), canary(50)], [0, -1]);
  });

  it('by what filters found out', () => {
    const routes = [
      to(
        {},
        {
          dynamicMetadata: [
            {
              filter: 'jwt',
              path: ['sub'],
              value: { kind: 'string', match: { kind: 'exact', value: 'ann', ignoreCase: false } },
              invert: false,
            },
          ],
        },
      ),
      to(
        {},
        {
          filterState: [
            { key: 'who', test: { kind: 'string', match: { kind: 'prefix', value: 'b', ignoreCase: false } } },
          ],
        },
      ),
      to(
        {},
        {
          filterState: [
            { key: 'from', test: { kind: 'address', ranges: [{ address: '10.0.0.0', length: 8 }], invert: false } },
          ],
        },
      ),
    ];
    const call = makeCall();
    const found = matcher(routes);
    assert.equal(found.find(call), -1);
    call.filterState = new Map([['from', '10.1.2.3']]);
    assert.equal(found.find(call), 2);
    call.filterState.set('who', { serialize: () => 'bob' });
    assert.equal(found.find(call), 1);
    call.metadata = new Map([['jwt', { sub: 'ann' }]]);
    assert.equal(found.find(call), 0);
    call.filterState = new Map<string, unknown>([
      ['who', 7],
      ['from', '11.0.0.1'],
    ]);
    call.metadata.set('jwt', { sub: 'eve' });
    assert.equal(found.find(call), -1);
    assert.equal(found.missing(0, call), 'dynamic_metadata[0] (jwt.sub)');
    assert.equal(found.missing(1, call), 'filter_state[0] (who)');
  });

  it('takes any path where its own could not be read', () => {
    assert.equal(matcher([to(null)]).find(makeCall({ path: '*' })), 0);
  });
});
