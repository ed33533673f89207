import assert from 'node:assert/strict';
import { isMeshError } from '@inmesh/core';
import { IncomingOverrides } from './incoming.ts';
import { OverrideContext } from './override-context.ts';
import { OVERRIDE_HEADER } from './override-set.ts';
import type { OverrideRules, Overrides } from './overrides.ts';
import { readOverrides } from './read-overrides.ts';

const header = (value: unknown) => ({ [OVERRIDE_HEADER]: typeof value === 'string' ? value : JSON.stringify(value) });

describe('overrides', () => {
  it('hold for the service that they name, with its port or without, in any case', () => {
    const set = readOverrides({ route: { 'Reviews:9080': 'canary', ratings: 'other', '[::1]:81': 'six' } });
    assert.equal(set.of('reviews:9080')?.cluster, 'canary');
    assert.equal(set.of('ratings:80')?.cluster, 'other');
    assert.equal(set.of('[::1]:81')?.cluster, 'six');
    assert.equal(set.of('reviews:80'), null);
  });

  it('are nothing to services that they do not name, but for headers, timeout and retries', () => {
    assert.equal(readOverrides({}).of('reviews:80'), null);
    const set = readOverrides({
      endpoint: { reviews: { version: 'v2' } },
      headers: { 'X-Debug': '1' },
      timeout: 5,
      retries: false,
    });
    const common = { headers: ['x-debug', '1'], cluster: null, timeoutMs: 5, retries: false };
    assert.deepEqual(set.of('other:80'), { ...common, endpoint: null });
    assert.deepEqual(set.of('reviews:80'), { ...common, endpoint: { kind: 'metadata', labels: { version: 'v2' } } });
  });

  it('are refused where they are wrong, naming the field and what to write', () => {
    const wrong: [value: unknown, message: RegExp][] = [
      [7, /overrides: they: 7 is no object/],
      [{ routes: {} }, /no field "routes", but route, endpoint, headers, timeout, retries, passOn/],
      [{ route: [] }, /route: a list is no object/],
      [{ route: { 'http://reviews': 'x' } }, /route: "http:\/\/reviews" is no service; write reviews:9080/],
      [{ route: { reviews: '' } }, /route: reviews: give the name of a cluster/],
      [{ endpoint: { reviews: {} } }, /endpoint: reviews: give an address such as/],
      [{ endpoint: { reviews: 7 } }, /endpoint: reviews: 7 is no object/],
      [{ headers: { 'x y': '1' } }, /headers: "x y" is no name of a header/],
      [{ headers: { ':path': '/' } }, /headers: ":path" is no name of a header/],
      [{ headers: { Host: 'x' } }, /headers: Host is not a caller's to set/],
      [{ headers: { [OVERRIDE_HEADER]: '{}' } }, /headers: x-inmesh-override is not/],
      [{ headers: { a: 'b\r\nc: d' } }, /headers: a: give a text of Latin-1 characters, without line breaks/],
      [{ timeout: -1 }, /timeout: -1 is no whole number/],
      [{ timeout: Number.NaN }, /timeout: NaN/],
      [{ timeout: '5' }, /timeout: "5"/],
      [{ retries: true }, /retries: true is not false/],
      [{ passOn: 1 }, /passOn: 1 is not true or false/],
    ];
    for (const [value, message] of wrong) {
      assert.throws(
        () => readOverrides(value),
        (error) => isMeshError(error) && error.code === 'invalid_config' && message.test(error.message),
      );
    }
  });

  it('follow the chain of calls, the inner over the outer, and end with it', async () => {
    const context = new OverrideContext();
    assert.equal(context.of(undefined, 'reviews:80'), null);
    await context.run(readOverrides({ route: { reviews: 'a', ratings: 'b' }, headers: { x: '1' } }), async () => {
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(context.of(undefined, 'reviews:80')?.cluster, 'a');
      assert.equal(context.of({ route: { reviews: 'c' } }, 'reviews:80')?.cluster, 'c');
      context.run(readOverrides({ route: { reviews: 'd' }, headers: { X: '2' }, timeout: 9 }), () => {
        assert.deepEqual(context.of(undefined, 'reviews:80'), {
          headers: ['x', '2'],
          cluster: 'd',
          endpoint: null,
          timeoutMs: 9,
          retries: true,
        });
        assert.equal(context.of(undefined, 'ratings:80')?.cluster, 'b');
        context.run(null, () => assert.equal(context.of(undefined, 'reviews:80'), null));
      });
      assert.equal(context.of(undefined, 'reviews:80')?.cluster, 'a');
    });
    assert.equal(context.current(), null);
    assert.throws(() => context.of({ timeout: 'soon' }, 'reviews:80'), /overrides: timeout/);
  });

  describe('from outside', () => {
    const everything: Overrides = {
      route: { 'reviews:9080': 'reviews-canary' },
      endpoint: { 'ratings:9080': '10.0.0.7:9080', 'details:9080': { version: 'vé' } },
      headers: { 'x-debug': 'on' },
      timeout: 500,
      retries: false,
    };
    const rules: OverrideRules = {
      route: { 'Reviews:9080': ['reviews-canary'] },
      endpoint: ['ratings:9080', 'details:9080'],
      headers: ['X-Debug'],
      timeout: true,
      retries: true,
    };

    it('are what was passed on, in ASCII, and go on to the next service', () => {
      const [name, text] =
        readOverrides({ ...everything, passOn: true })
          .of('any:80')
          ?.headers.slice(-2) ?? [];
      assert.equal(name, OVERRIDE_HEADER);
      assert.match(`${text}`, /^[ -~]+$/);
      assert.deepEqual(JSON.parse(`${text}`), everything);
      const incoming = new IncomingOverrides(rules);
      for (const headers of [header(`${text}`), new Headers(header(`${text}`)), { [OVERRIDE_HEADER]: [`${text}`] }]) {
        assert.deepEqual(incoming.read(headers)?.fields, readOverrides({ ...everything, passOn: true }).fields);
      }
      assert.equal(incoming.read({}), null);
    });

    it('mean nothing where nothing is accepted, not even where they are broken', () => {
      const incoming = new IncomingOverrides(null);
      assert.equal(incoming.read(header(everything)), null);
      assert.equal(incoming.read(header('{')), null);
    });

    it('are refused as a whole where one is not allowed, and the error names it', () => {
      const cases: [asked: Overrides, allowed: OverrideRules, what: RegExp][] = [
        [everything, {}, /route: reviews:9080 → reviews-canary is not allowed \(acceptOverrides/],
        [{ route: { 'reviews:9080': 'secret' } }, rules, /route: reviews:9080 → secret is not/],
        [{ route: { reviews: 'reviews-canary' } }, rules, /route: reviews:80 → reviews-canary is not/],
        [{ endpoint: { reviews: { a: 1 } } }, rules, /endpoint: reviews:80 is not/],
        [{ headers: { authorization: 'x' } }, rules, /headers: authorization is not/],
        [{ timeout: 0 }, { ...rules, timeout: false }, /timeout is not/],
        [{ retries: false }, { route: { '*': ['*'] } }, /retries is not/],
      ];
      for (const [asked, allowed, what] of cases) {
        assert.throws(
          () => new IncomingOverrides(allowed).read(header(asked)),
          (error) =>
            isMeshError(error) && error.code === 'access_denied' && error.status === 403 && what.test(error.message),
        );
      }
      assert.ok(new IncomingOverrides({ route: { '*': ['*'] } }).read(header({ route: { a: 'b' } })));
    });

    it('are refused where they cannot be read', () => {
      const cases: [text: string, what: RegExp][] = [
        ['{', /it is no JSON/],
        ['null', /they: null is no object/],
        ['{"__proto__": {"timeout": 1}, "timeout": 2}', /no field "__proto__"/],
        [`"${'x'.repeat(9_000)}"`, /9002 characters are more than 8192/],
        ['{"timeout": 1e999}', /timeout: Infinity/],
        [`${'['.repeat(4_000)}`, /it is no JSON/],
      ];
      for (const [text, what] of cases) {
        assert.throws(
          () => new IncomingOverrides(rules).read(header(text)),
          (error) =>
            isMeshError(error) && error.code === 'invalid_request' && error.status === 400 && what.test(error.message),
        );
      }
    });

    it('need rules that name services', () => {
      assert.throws(
        () => new IncomingOverrides({ endpoint: ['http://reviews'] }),
        /acceptOverrides: "http:\/\/reviews" is no service/,
      );
    });
  });
});
