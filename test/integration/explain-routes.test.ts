import assert from 'node:assert/strict';
import { apiListener, cluster, endpoints } from '../support/feed.ts';
import { guardProcess } from '../support/guard-process.ts';
import { Scene } from '../support/scene.ts';

describe('explanations of routes', () => {
  guardProcess();

  it('say what each kind of condition asks, and what the call has instead', async () => {
    const header = (more: object) => ({ prefix: '/', headers: [{ name: 'x', ...more }] });
    const matches = [
      { path: '/A', case_sensitive: false },
      { safe_regex: { regex: '/a+' } },
      header({ present_match: false }),
      header({
        string_match: { prefix: 'v', ignore_case: true },
        invert_match: true,
        treat_missing_header_as_empty: true,
      }),
      header({ range_match: { start: 1, end: 9 } }),
      { prefix: '/', query_parameters: [{ name: 'q', string_match: { suffix: 'z' } }] },
      { prefix: '/', cookies: [{ name: 'c', string_match: { contains: 'd' } }] },
      { prefix: '/', grpc: {} },
      { prefix: '/', runtime_fraction: { default_value: { numerator: 0 }, runtime_key: 'k' } },
      { prefix: '/', tls_context: { presented: true } },
    ];
    const routes = matches.map((match) => ({ match, direct_response: { status: 200 } }));
    await using plane = await Scene.start([apiListener('kinds:80', [{ name: 'kinds', domains: ['*'], routes }])]);
    const mesh = await plane.mesh();
    const { verdict, ...found } = await mesh.explain('http://kinds/b?q=y', { headers: { X: 'V1', cookie: 'c=e' } });
    assert.equal(verdict, 'refused');
    assert.deepEqual(
      found.routes.map(({ missing }) => missing),
      [
        'path: asks for path /A in any case, the call has /b?q=y',
        'path: asks for safe_regex /a+, the call has /b?q=y',
        'headers[0] (x): asks for header x absent, the call has "V1"',
        'headers[0] (x): asks for not header x prefix "v" in any case (missing is empty), the call has "V1"',
        'headers[0] (x): asks for header x from 1 to below 9, the call has "V1"',
        'query_parameters[0] (q): asks for query parameter q suffix "z", the call has "y"',
        'cookies[0] (c): asks for cookie c contains "d", the call has cookies "c=e"',
        'grpc: asks for a call of gRPC, the call has content-type none',
        'runtime_fraction: asks for 0 of 100 calls, or what runtime key k says, the call has drawn another lot, this time',
        'tls_context: asks for a client certificate, the call has none: it is made in this process',
      ],
    );
    assert.deepEqual(
      found.routes.map(({ chosen }) => chosen),
      matches.map(() => false),
    );
  });

  it('see the path as the connection manager makes it, in each step', async () => {
    const route = { match: { prefix: '/cart' }, route: { cluster: 'cart-v1', prefix_rewrite: '/v1' } };
    const hosts = [{ name: 'slashes', domains: ['*'], routes: [route] }];
    const listener = apiListener('slashes:80', hosts, [], { merge_slashes: true });
    const resources = [listener, cluster('cart-v1'), endpoints('cart-v1', [9081])];
    await using plane = await Scene.start(resources);
    const mesh = await plane.mesh();
    const { route: chosen, clusters } = await mesh.explain('http://slashes//cart//7');
    assert.equal(chosen, 'slashes/prefix /cart');
    assert.equal(clusters[0]?.request.path, '/v1/7');
  });

  it('follow the header that names the cluster, and wait for it', async () => {
    await using plane = await Scene.start([
      apiListener('tenants:80', [
        {
          name: 'tenants',
          domains: ['*'],
          routes: [{ match: { prefix: '/' }, route: { cluster_header: 'x-tenant' } }],
        },
      ]),
      cluster('acme'),
      endpoints('acme', [9080]),
    ]);
    const mesh = await plane.mesh();
    const [acme] = (await mesh.explain('http://tenants/', { headers: { 'x-tenant': 'acme' } })).clusters;
    assert.deepEqual([acme?.name, acme?.error, acme?.endpoints.length], ['acme', null, 1]);
    const [none] = (await mesh.explain('http://tenants/')).clusters;
    assert.match(`${none?.error}`, /the request has no header x-tenant, which names the cluster/);
  });
});
