import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { field, type JsonObject, readFeed } from './feed-folder.ts';
import { place, record, recordersOf } from './place.ts';
import { readRequests } from './requests-file.ts';

describe('a feed and requests from outside', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'inmesh-judge-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function requests(text: string) {
    const file = join(folder, 'requests.yaml');
    writeFileSync(file, text);
    return readRequests(file);
  }

  it('are lines, or objects in any of three forms', () => {
    const [line, url, fields] = requests(`
- 'POST shop/a [x-a: 1] "body" -> 201'
- { url: 'http://shop.example:8080/a?b', headers: { x-a: [1, 2] }, listener: edge }
- { method: PUT, authority: shop, path: /c, headers: [[x-b, '3']], body: text, times: 10 }
`);
    assert.deepEqual([line?.method, line?.body, line?.expected?.status], ['POST', 'body', 201]);
    assert.deepEqual([url?.authority, url?.path, url?.listener], ['shop.example:8080', '/a?b', 'edge']);
    assert.deepEqual(url?.headers, [
      ['x-a', '1'],
      ['x-a', '2'],
    ]);
    assert.deepEqual(
      [fields?.method, fields?.path, fields?.headers, fields?.body, fields?.times],
      ['PUT', '/c', [['x-b', '3']], 'text', 10],
    );
  });

  it('are refused with their place and what to do', () => {
    assert.throws(() => readFeed(folder), /has no YAML or JSON file/);
    assert.throws(() => requests('[]'), /no list of requests/);
    assert.throws(() => requests('- GET /a [x-a: 1]'), /requests\[0\]: is no line to YAML.* put it in quotes/);
    assert.throws(() => requests('- { method: GET }'), /requests\[0\]: has no authority/);
    writeFileSync(join(folder, 'requests.yaml'), 'resources: [{ name: x }]');
    assert.throws(() => readFeed(folder), /requests\.yaml: resources\[0\] has no "@type"/);
  });

  const listener = (more: JsonObject): JsonObject => ({
    '@type': 'type.googleapis.com/envoy.config.listener.v3.Listener',
    name: 'shop:80',
    ...more,
  });
  const manager: JsonObject = {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
  };

  it('a listener for proxyless clients is opened for Envoy, with a log, and left to inmesh as it is', () => {
    const feed = [listener({ apiListener: { apiListener: manager } })];
    const { listeners, feed: placed } = place(feed, [12_345]);
    assert.deepEqual(listeners, [{ name: 'shop:80', feedPort: null, service: 'feed-1', port: 12_345 }]);
    assert.deepEqual(placed.inmesh, [{ ...feed[0], name: 'feed-1' }]);
    const theirs = placed.envoy[0] as unknown as JsonObject;
    assert.equal(field(theirs, 'api_listener'), undefined);
    assert.match(JSON.stringify(theirs), /"port_value":12345.*"access_log".*RESPONSE_FLAGS/);
  });

  it('recorders take the place of endpoints, told apart by cluster and priority', () => {
    const at = (port: number): JsonObject => ({
      endpoint: { address: { socketAddress: { address: '10.0.0.1', portValue: port } } },
    });
    const feed: JsonObject[] = [
      {
        '@type': 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
        clusterName: 'cart',
        endpoints: [{ lbEndpoints: [at(1), at(2)] }, { priority: 1, lbEndpoints: [at(3)] }],
      },
    ];
    assert.deepEqual(recordersOf(feed), ['cart #1', 'cart #2', 'cart, priority 1 #3']);
    const text = JSON.stringify(record(feed, (name) => Number(name.slice(-1)) + 1_000));
    assert.deepEqual(text.match(/"port_value":\d+/g), ['"port_value":1001', '"port_value":1002', '"port_value":1003']);
    assert.ok(!text.includes('10.0.0.1'));
  });
});
