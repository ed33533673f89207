import assert from 'node:assert/strict';
import type { FilterChain } from '../model/listener.ts';
import { ANY_CONNECTION, type FilterChainMatch } from '../model/tcp-proxy.ts';
import { matchChain, type TcpDestination } from './chain-match.ts';

function chain(name: string, match: Partial<FilterChainMatch> = {}, more: Partial<FilterChain> = {}): FilterChain {
  return { name, port: null, catchAll: false, match: { ...ANY_CONNECTION, ...match }, http: null, tcp: null, ...more };
}

function taken(chains: readonly FilterChain[], destination: Partial<TcpDestination> = {}): string | undefined {
  return matchChain(chains, { host: '10.0.0.1', port: 80, serverName: '', tls: false, ...destination })?.name;
}

describe('the filter chain that takes a stream', () => {
  const rest = chain('rest', {}, { isDefault: true });

  it('is the default one where no other takes it', () => {
    assert.equal(taken([chain('http', { applicationProtocols: ['http/1.1'] }), rest]), 'rest');
    assert.equal(taken([chain('other', {}, { port: 81 })]), undefined);
  });

  it('is the one for the port before the one for any', () => {
    const chains = [chain('any'), chain('80', {}, { port: 80 })];
    assert.equal(taken(chains), '80');
    assert.equal(taken(chains, { port: 81 }), 'any');
  });

  it('is the one with the narrowest range of addresses', () => {
    const range = (address: string, length: number) =>
      chain(`${address}/${length}`, { prefixRanges: [{ address, length }] });
    const chains = [chain('any'), range('10.0.0.0', 8), range('10.0.0.1', 32), range('fd00::', 16)];
    assert.equal(taken(chains), '10.0.0.1/32');
    assert.equal(taken(chains, { host: '10.1.2.3' }), '10.0.0.0/8');
    assert.equal(taken(chains, { host: '11.1.2.3' }), 'any');
    assert.equal(taken(chains, { host: 'fd00::7' }), 'fd00::/16');
    assert.equal(taken(chains, { host: 'db.example' }), 'any', 'a name has no address yet');
  });

  it('is the one for the server name, wildcards by their length', () => {
    const names = (...serverNames: string[]) => chain(serverNames.join(), { serverNames });
    const chains = [chain('any'), names('*.example'), names('*.a.example'), names('b.a.example', 'c.a.example')];
    const of = (serverName: string) => taken(chains, { serverName, tls: true });
    assert.equal(of('B.a.example'), 'b.a.example,c.a.example');
    assert.equal(of('d.a.example'), '*.a.example');
    assert.equal(of('x.y.example'), '*.example');
    assert.equal(of('example'), 'any');
    assert.equal(taken(chains), 'any');
  });

  it('is the one for bytes in the clear, or for TLS of the caller’s own', () => {
    const chains = [chain('tls', { transportProtocol: 'tls' }), chain('raw', { transportProtocol: 'raw_buffer' })];
    assert.equal(taken(chains), 'raw');
    assert.equal(taken(chains, { tls: true, serverName: 'a.example' }), 'tls');
  });

  it('never goes back to what was passed over for something more specific', () => {
    const chains = [chain('any'), chain('80 tls', { transportProtocol: 'tls' }, { port: 80 }), rest];
    assert.equal(taken(chains), 'rest');
  });

  it('is none that asks where the stream comes from', () => {
    assert.equal(taken([chain('pod', { bySource: true }, { port: 80 }), chain('any')]), 'any');
  });
});
