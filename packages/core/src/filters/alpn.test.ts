import assert from 'node:assert/strict';
import type { Metadata } from '../model/endpoint.ts';
import { HTTP1_UPSTREAM, type HttpProtocol, type UpstreamProtocol } from '../model/upstream-protocol.ts';
import { FilterScene } from '../testing/filter-scene.ts';
import { type AlpnConfig, alpn } from './alpn.ts';

const istio: AlpnConfig = { http1: ['istio-http/1.1', 'istio', 'http/1.1'], http2: ['istio-h2', 'istio', 'h2'] };

function offered(
  choice: UpstreamProtocol['choice'],
  { config = istio, metadata = {}, protocol = 'http1' as HttpProtocol, authority = 'reviews:9080' }: Offer = {},
) {
  const options = { clusterMetadata: metadata, upstream: { ...HTTP1_UPSTREAM, choice } };
  return new FilterScene(alpn, config, options).ask({ protocol, authority }).call.alpn;
}
interface Offer {
  readonly config?: AlpnConfig;
  readonly metadata?: Metadata;
  readonly protocol?: HttpProtocol;
  readonly authority?: string;
}

describe('istio.alpn', () => {
  it('offers Istio’s names for the protocol towards the host', () => {
    assert.equal(offered('http1'), istio.http1);
    assert.equal(offered('http2'), istio.http2);
    assert.equal(offered('auto'), istio.http2);
    assert.equal(offered('downstream'), istio.http1);
    assert.equal(offered('downstream', { protocol: 'http2' }), istio.http2);
  });

  it('leaves clusters alone that say so, and what it has no names for', () => {
    assert.equal(offered('http1', { metadata: { istio: { alpn_override: 'false' } } }), null);
    assert.equal(offered('http1', { metadata: { istio: { alpn_override: 'true' } } }), istio.http1);
    assert.equal(offered('http1', { config: { ...istio, http1: [] } }), null);
    assert.equal(offered('http2', { config: { http1: [], http2: [] } }), null);
  });
});
