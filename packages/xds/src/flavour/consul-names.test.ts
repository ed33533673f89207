import assert from 'node:assert/strict';
import { looksLikeConsul, upstreamOfChain, upstreamOfHost, upstreamOfListener } from './consul-names.ts';

describe('names of Consul', () => {
  const db = { service: 'db', datacenter: '' };

  for (const [listener, upstream] of [
    ['db:127.0.0.1:9191', db],
    ['db:[::1]:9191', db],
    ['team/db:127.0.0.1:9191', db],
    ['db?dc=dc2:127.0.0.1:9191', { service: 'db', datacenter: 'dc2' }],
    ['public_listener:0.0.0.0:21000', null],
    ['outbound_listener:127.0.0.1:15001', null],
    ['prepared_query:geo-cache:127.10.10.10:8181', null],
  ] as const) {
    it(`the listener ${listener} is for ${upstream === null ? 'no single upstream' : JSON.stringify(upstream)}`, () => {
      assert.deepEqual(upstreamOfListener(listener), upstream);
      assert.ok(looksLikeConsul(listener));
    });
  }

  for (const [host, upstream] of [
    ['db', db],
    ['DB.service.consul', db],
    ['db.virtual.consul.', db],
    ['db.connect.consul', db],
    ['db.service.dc2.consul', { service: 'db', datacenter: 'dc2' }],
    ['db.virtual.team.ns.default.ap.dc2.dc.consul', { service: 'db', datacenter: 'dc2' }],
    ['v1.db.service.consul', null],
    ['db.ingress.consul', null],
    ['api.example', null],
  ] as const) {
    it(`the host ${host} names ${upstream === null ? 'nothing of Consul’s' : JSON.stringify(upstream)}`, () => {
      assert.deepEqual(upstreamOfHost(host), upstream);
    });
  }

  it('a chain of the transparent proxy is told by its statistics', () => {
    assert.deepEqual(upstreamOfChain('upstream.db.default.default.dc1'), { service: 'db', datacenter: 'dc1' });
    assert.equal(upstreamOfChain('public_listener'), null);
    assert.equal(looksLikeConsul('0.0.0.0_8080'), false);
  });
});
