import assert from 'node:assert/strict';
import { listenerName } from './listeners.ts';

describe('the name of a listener', () => {
  it('is that of the template, percent-encoded where the template has an authority', () => {
    assert.equal(listenerName('%s', '[::1]:80'), '[::1]:80');
    assert.equal(listenerName('server/%s?%s', 'a$&b:80'), 'server/a$&b:80?a$&b:80');
    assert.equal(listenerName('xdstp://east/t/%s', 'reviews:9080'), 'xdstp://east/t/reviews:9080');
    assert.equal(listenerName('xdstp://east/t/%s', '[::1]:80'), 'xdstp://east/t/%5B::1%5D:80');
  });
});
