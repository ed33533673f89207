import assert from 'node:assert/strict';
import type { GrpcKeyBuilder } from '../model/route-lookup.ts';
import { makeCall } from '../testing/caller.ts';
import { compileRouteKeys } from './route-keys.ts';

const builder = (options: Partial<GrpcKeyBuilder>): GrpcKeyBuilder => ({
  names: [{ service: 'shop.Cart', method: '' }],
  headers: [],
  extraKeys: { host: '', service: '', method: '' },
  constantKeys: {},
  ...options,
});

const keysOf = (builders: readonly GrpcKeyBuilder[], path: string, headers: string[] = []) =>
  compileRouteKeys(builders)(makeCall({ path, headers }).head) ?? assert.fail(`${path} has no key`);

describe('route keys', () => {
  it('are what headers say, of the names the first that the call has, several values as one', () => {
    const builders = [
      builder({
        headers: [
          { key: 'user', names: ['x-user', 'x-account'] },
          { key: 'zone', names: ['x-zone'] },
        ],
      }),
    ];
    const both = keysOf(builders, '/shop.Cart/Add', ['X-Account', 'a', 'x-user', 'u', 'X-User', 'v']);
    assert.deepEqual(both.keys, { user: 'u,v' });
    assert.deepEqual(keysOf(builders, '/shop.Cart/Add', ['x-account', 'a', 'x-zone', '']).keys, {
      user: 'a',
      zone: '',
    });
  });

  it('are host, service and method where they are asked for, and what is always the same', () => {
    const extraKeys = { host: 'h', service: 's', method: 'm' };
    const builders = [builder({ extraKeys, constantKeys: { env: 'test' } })];
    assert.deepEqual(keysOf(builders, '/shop.Cart/Add').keys, {
      h: 'reviews:9080',
      s: 'shop.Cart',
      m: 'Add',
      env: 'test',
    });
  });

  it("a method's builder comes before its service's; other calls have none", () => {
    const builders = [
      builder({ constantKeys: { of: 'service' } }),
      builder({ names: [{ service: 'shop.Cart', method: 'Add' }], constantKeys: { of: 'method' } }),
    ];
    assert.deepEqual(keysOf(builders, '/shop.Cart/Add').keys, { of: 'method' });
    assert.deepEqual(keysOf(builders, '/shop.Cart/Drop?x=/y').keys, { of: 'service' });
    assert.deepEqual(keysOf(builders, '/shop.Other/Add').keys, {});
    for (const path of ['/', '/shop.Cart', 'shop.Cart/Add', '//Add', '/a/b/c', '*']) {
      assert.equal(compileRouteKeys(builders)(makeCall({ path }).head), null, path);
    }
  });

  it('have an id that tells calls apart by path and by keys, whatever is in the values', () => {
    const header = (key: string) => ({ key, names: [`x-${key}`] });
    const builders = [builder({ headers: [header('a'), header('b')] })];
    const id = (path: string, headers: string[]) => keysOf(builders, path, headers).id;
    const ids = [
      id('/shop.Cart/Add', ['x-a', '1', 'x-b', '2']),
      id('/shop.Cart/Drop', ['x-a', '1', 'x-b', '2']),
      id('/shop.Cart/Add', ['x-a', '1","b","2']),
      id('/shop.Cart/Add', ['x-a', '1,b=2']),
      id('/shop.Cart/Add', []),
    ];
    assert.equal(new Set(ids).size, ids.length);
    assert.equal(id('/shop.Cart/Add', ['x-b', '2', 'x-a', '1']), ids[0]);
  });
});
