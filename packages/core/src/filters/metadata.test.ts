import assert from 'node:assert/strict';
import { FilterScene } from '../testing/filter-scene.ts';
import { headerToMetadata, type MetadataTarget } from './header-to-metadata.ts';
import { mergedMetadata } from './metadata.ts';
import { setMetadata } from './set-metadata.ts';

const target: MetadataTarget = { namespace: 'n', key: 'k', value: '', rewrite: null, number: false, base64: false };

describe('dynamic metadata', () => {
  it('is merged object by object, list after list', () => {
    assert.deepEqual(
      mergedMetadata(
        { a: 1, list: [1], deep: { x: 1, y: 1 } },
        { a: 's', list: [2], deep: { y: { z: 2 } }, new: null },
      ),
      { a: 's', list: [1, 2], deep: { x: 1, y: { z: 2 } }, new: null },
    );
  });

  it('is written for one call and no other', () => {
    const entries = [{ namespace: 'n', allowOverwrite: true, value: { list: [1] } }];
    const made = new FilterScene(setMetadata, { entries });
    for (let i = 0; i < 2; i++) assert.deepEqual(made.ask().call.metadata?.get('n'), { list: [1] });
  });

  it('is taken from headers, of the response too', () => {
    const rule = { from: { header: 'x-v', remove: true }, present: target, missing: null };
    const made = new FilterScene(headerToMetadata, { request: [], response: [rule] });
    const { call, caller } = made.ask({}, 200, ['X-V', 'a', 'x-v', 'b']);
    assert.deepEqual(call.metadata?.get('n'), { k: 'a,b' });
    assert.deepEqual(caller.headers.flat(), ['x-envoy-upstream-service-time', '0']);
    assert.equal(made.ask().call.metadata, null);
  });

  it('does not take what is too long, or not what it should be', () => {
    const write = (value: string, options: Partial<MetadataTarget>) => {
      const rule = { from: { header: 'x', remove: false }, present: { ...target, ...options }, missing: null };
      const made = new FilterScene(headerToMetadata, { request: [rule], response: [] });
      return made.ask({ headers: ['x', value] }).call.metadata?.get('n')?.k;
    };
    assert.equal(write('x'.repeat(8_191), {}), 'x'.repeat(8_191));
    assert.equal(write('x'.repeat(8_192), {}), undefined);
    assert.deepEqual([write(' 1e3 ', { number: true }), write('one', { number: true })], [1_000, undefined]);
    assert.deepEqual([write('YQ==', { base64: true }), write('', {})], ['a', undefined]);
  });
});
