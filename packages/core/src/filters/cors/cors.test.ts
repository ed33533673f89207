import assert from 'node:assert/strict';
import type { CorsPolicy } from '../../model/cors.ts';
import { FilterScene } from '../../testing/filter-scene.ts';
import { cors } from './cors.ts';

const policy = (some: Partial<CorsPolicy> = {}): CorsPolicy => ({
  allowOrigins: [{ kind: 'exact', value: 'http://page', ignoreCase: false }],
  allowMethods: '',
  allowHeaders: '',
  exposeHeaders: '',
  maxAge: '',
  allowCredentials: null,
  allowPrivateNetworkAccess: null,
  forwardNotMatchingPreflights: null,
  filterEnabled: null,
  shadowEnabled: null,
  ...some,
});
const preflight = (origin: string) => ({
  method: 'OPTIONS',
  headers: ['origin', origin, 'access-control-request-method', 'PUT'],
});

describe('cors', () => {
  it('answers the preflight of a page that may call, and lets others go on', () => {
    const scene = new FilterScene(cors, null, { override: policy({ allowMethods: 'PUT' }) });
    const { caller } = scene.send(preflight('http://page'));
    assert.deepEqual(
      [caller.status, caller.headers.get('access-control-allow-methods'), scene.inner.count],
      [200, 'PUT', 0],
    );
    const other = scene.ask(preflight('http://other'), 204);
    assert.deepEqual([other.caller.status, scene.inner.count], [204, 1]);
    assert.deepEqual({ ...scene.stats }, { 'http.http.cors.origin_valid': 1, 'http.http.cors.origin_invalid': 1 });
  });

  it('only counts in the shadow', () => {
    const never = { defaultValue: { numerator: 0, denominator: 100 }, runtimeKey: '' } as const;
    const always = { ...never, defaultValue: { numerator: 100, denominator: 100 } } as const;
    const scene = new FilterScene(cors, null, { override: policy({ filterEnabled: never, shadowEnabled: always }) });
    const { caller } = scene.ask({ headers: ['origin', 'http://page'] });
    assert.equal(caller.headers.get('access-control-allow-origin'), undefined);
    assert.equal(scene.stats['http.http.cors.origin_valid'], 1);
  });

  it('costs nothing without a policy, and a call without an origin nothing', () => {
    const { environment } = new FilterScene(cors, null, { override: policy() });
    assert.equal(cors.compile(null, [], environment), null);
    const scene = new FilterScene(cors, null, { override: policy() });
    const { call } = scene.ask();
    assert.equal(cors.compile(null, [policy()], environment)?.create(call), null);
  });
});
