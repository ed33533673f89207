import assert from 'node:assert/strict';
import { nodeDnsDomain, searchNames } from './dns-search.ts';

describe('names that a host may stand for', () => {
  const domain = 'default.svc.cluster.local';

  it('are completed as a pod’s resolver completes them', () => {
    assert.deepEqual(searchNames('Reviews', domain), [
      'reviews.default.svc.cluster.local',
      'reviews.svc.cluster.local',
      'reviews.cluster.local',
      'reviews',
    ]);
  });

  it('end with the name itself, but begin with it where it has five dots', () => {
    assert.equal(searchNames('reviews.other', domain).at(-1), 'reviews.other');
    assert.equal(searchNames('a.b.c.d.e.f', domain)[0], 'a.b.c.d.e.f');
  });

  it('are no others where the host ends with a dot, or the node has no domain', () => {
    assert.deepEqual(searchNames('reviews.default.svc.cluster.local.', domain), ['reviews.default.svc.cluster.local']);
    assert.deepEqual(searchNames('reviews', ''), ['reviews']);
  });

  it('use the domain of the node’s id', () => {
    assert.equal(nodeDnsDomain('sidecar~10.0.0.1~web.default~default.svc.cluster.local'), domain);
    assert.equal(nodeDnsDomain('web-sidecar-proxy'), '');
  });
});
