import assert from 'node:assert/strict';
import { FilterScene, type FilterSceneOptions } from '../testing/filter-scene.ts';
import { type PeerMetadataConfig, peerMetadata } from './peer-metadata.ts';

const plain: PeerMetadataConfig = { propagates: true, skipsExternal: false, discovers: true };
const peer = { id: 'sidecar~1', metadata: 'c29tZQ==' };
const answer = ['x-envoy-peer-metadata', 'server', 'X-Envoy-Peer-Metadata-Id', 's', 'x', 'y'];

function ask(config: Partial<PeerMetadataConfig>, options: FilterSceneOptions<PeerMetadataConfig> = { peer }) {
  const { call, caller } = new FilterScene(peerMetadata, { ...plain, ...config }, options).ask({}, 200, answer);
  const told = ['x-envoy-peer-metadata-id', 'x-envoy-peer-metadata'].map((name) => call.head.headers.get(name));
  caller.headers.delete('x-envoy-upstream-service-time');
  return { told, answered: caller.headers.flat() };
}

describe('peer metadata', () => {
  it('tells servers whose calls these are, and keeps what they tell from the caller', () => {
    assert.deepEqual(ask({}), { told: ['sidecar~1', 'c29tZQ=='], answered: ['x', 'y'] });
  });

  it('does what the feed says, and no more', () => {
    assert.deepEqual(ask({ propagates: false }).told, [undefined, undefined]);
    assert.equal(ask({ discovers: false }).answered.length, 6);
    assert.deepEqual(ask({}, { peer: null }).told, [undefined, undefined]);
  });

  it('is not told to clusters outside the mesh where the feed says so', () => {
    const external = { peer, clusterMetadata: { istio: { external: true } } };
    assert.deepEqual(ask({ skipsExternal: true }, external).told, [undefined, undefined]);
    assert.deepEqual(ask({ skipsExternal: true }).told, ['sidecar~1', 'c29tZQ==']);
    assert.deepEqual(ask({}, external).told, ['sidecar~1', 'c29tZQ==']);
  });
});
