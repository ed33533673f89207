import assert from 'node:assert/strict';
import { parseTarget } from './target.ts';

describe('parseTarget', () => {
  const good: [string, object, string, string][] = [
    ['localhost:15010', { host: 'localhost', port: 15010 }, 'localhost:15010', 'localhost'],
    [
      'dns:///istiod.istio-system.svc:15012',
      { host: 'istiod.istio-system.svc', port: 15012 },
      'istiod.istio-system.svc:15012',
      'istiod.istio-system.svc',
    ],
    ['dns:td.example.com', { host: 'td.example.com', port: 443 }, 'td.example.com:443', 'td.example.com'],
    ['passthrough:///a:1', { host: 'a', port: 1 }, 'a:1', 'a'],
    ['ipv4:127.0.0.1:80', { host: '127.0.0.1', port: 80 }, '127.0.0.1:80', ''],
    ['ipv6:[::1]:80', { host: '::1', port: 80 }, '[::1]:80', ''],
    ['[::1]:80', { host: '::1', port: 80 }, '[::1]:80', ''],
    ['::1', { host: '::1', port: 443 }, '[::1]:443', ''],
    ['unix:etc/XDS', { path: 'etc/XDS' }, 'localhost', 'localhost'],
    ['unix:///etc/istio/proxy/XDS', { path: '/etc/istio/proxy/XDS' }, 'localhost', 'localhost'],
    ['unix-abstract:xds', { path: '\0xds' }, 'localhost', 'localhost'],
  ];
  for (const [target, connect, authority, serverName] of good) {
    it(`reads ${target}`, () => {
      assert.deepEqual(parseTarget(target), { connect, authority, serverName });
    });
  }

  for (const target of [
    '',
    ':80',
    'a:b',
    'a:0',
    'a:65536',
    'https://a:1',
    'dns://8.8.8.8/a:1',
    'unix:',
    'unix://rel',
    'ipv4:1.1.1.1:1,2.2.2.2:2',
  ]) {
    it(`refuses "${target}", naming it and what to write`, () => {
      assert.throws(() => parseTarget(target), { name: 'TypeError', message: /^target ".*" cannot be used: ./ });
    });
  }
});
