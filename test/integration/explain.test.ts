import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { main } from '../../packages/inmesh/src/cli/main.ts';
import { apiListener, cluster, endpoints } from '../support/feed.ts';
import { guardProcess } from '../support/guard-process.ts';
import { bootstrapFor, Scene } from '../support/scene.ts';

const FILTERS = 'type.googleapis.com/envoy.extensions.filters.http';

/** A virtual host with a bit of everything that an explanation has to tell. */
const shop = {
  name: 'shop',
  domains: ['*'],
  response_headers_to_remove: ['x-powered-by'],
  retry_policy: { retry_on: '5xx,reset', num_retries: 3, per_try_timeout: '0.25s' },
  routes: [
    {
      name: 'beta',
      match: {
        path_separated_prefix: '/cart',
        headers: [{ name: 'x-user', string_match: { exact: 'jason' } }],
        query_parameters: [{ name: 'beta', present_match: true }],
      },
      route: { cluster: 'cart-v2' },
    },
    {
      name: 'post',
      match: { prefix: '/', headers: [{ name: ':method', string_match: { exact: 'POST' } }] },
      redirect: { host_redirect: 'write.shop', response_code: 'TEMPORARY_REDIRECT' },
    },
    {
      name: 'cart',
      match: { prefix: '/cart' },
      typed_per_filter_config: {
        faults: { '@type': `${FILTERS}.fault.v3.HTTPFault`, abort: { http_status: 503, percentage: { numerator: 1 } } },
      },
      request_headers_to_add: [
        { header: { key: 'x-team', value: 'cart' }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' },
      ],
      route: {
        weighted_clusters: {
          clusters: [
            { name: 'cart-v1', weight: 90 },
            { name: 'cart-v2', weight: 10, request_headers_to_remove: ['x-legacy'] },
            { name: 'cart-v3', weight: 0, request_headers_to_add: [{ header: { key: 'x-canary', value: '3' } }] },
          ],
        },
        prefix_rewrite: '/v1/cart',
        host_rewrite_literal: 'cart.internal',
        timeout: '3s',
        hash_policy: [{ header: { header_name: 'x-user' }, terminal: true }, { cookie: { name: 'cart', ttl: '0s' } }],
        request_mirror_policies: [{ cluster: 'cart-v2', runtime_fraction: { default_value: { numerator: 5 } } }],
      },
    },
    { name: 'closed', match: { prefix: '/' }, direct_response: { status: 404, body: { inline_string: 'closed' } } },
  ],
};

describe('explanations', () => {
  guardProcess();
  let folder: string;
  let scene: Scene;
  let bootstrap: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'inmesh-explain-'));
    const many = Array.from({ length: 30 }, (_, i) => ({
      name: `r${i + 1}`,
      match: { prefix: `/p${i + 1}/` },
      route: { cluster: 'cart-v1' },
    }));
    scene = await Scene.start([
      apiListener(
        'shop:9080',
        [shop],
        [
          { name: 'faults', typed_config: { '@type': `${FILTERS}.fault.v3.HTTPFault` } },
          { name: 'cors', typed_config: { '@type': `${FILTERS}.cors.v3.Cors` } },
        ],
      ),
      apiListener('many:9080', [{ name: 'many', domains: ['*'], routes: many }]),
      ...[1, 2, 3].flatMap((version) => [cluster(`cart-v${version}`), endpoints(`cart-v${version}`, [9080 + version])]),
    ]);
    bootstrap = join(folder, 'bootstrap.json');
    await writeFile(bootstrap, bootstrapFor(scene.plane.address));
  });
  after(async () => {
    await scene[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  /** The text of the command, with the port of the control plane taken out. */
  async function explained(...args: readonly string[]): Promise<string> {
    const lines: string[] = [];
    const io = { out: (line: string) => lines.push(line), err: (line: string) => lines.push(line), env: {} };
    await main(['explain', ...args, '--bootstrap', bootstrap], io);
    return lines.join('\n').replaceAll(scene.plane.address, 'PLANE');
  }

  it('tell of every route why it matches or does not, and what the chosen one does', async () => {
    assert.equal(
      await explained('http://shop:9080/cart/7?x=1', '--header', 'x-user: anna'),
      [
        'GET http://shop:9080/cart/7?x=1: mesh',
        '  listener             shop:9080',
        '  route configuration  shop:9080',
        '  virtual host         shop',
        '  routes:',
        '      1  shop/beta    headers[0] (x-user): asks for header x-user exact "jason", the call has "anna"',
        '      2  shop/post    headers[0] (:method): asks for header :method exact "POST", the call has "GET"',
        '    → 3  shop/cart    matches: prefix /cart',
        '      4  shop/closed  matches, too, but comes later: prefix /',
        '  filters:',
        '    faults  active  (route)',
        '    cors    idle',
        '  rules:',
        '    hash_policy                 (route)            header x-user (terminal)',
        '    hash_policy                 (route)            cookie cart, set where it is missing',
        '    timeout                     (route)            3000 ms',
        '    retry_policy                (virtual host)     on 5xx,reset; up to 3 more attempts; 250 ms each; pauses from 25 to 250 ms',
        '    request_headers_to_remove   (cluster cart-v2)  x-legacy',
        '    request_headers_to_add      (route)            x-team: cart (overwrite_if_exists_or_add)',
        '    prefix_rewrite              (route)            /v1/cart',
        '    host_rewrite_literal        (route)            cart.internal',
        '    request_mirror_policies     (route)            5 of 100 calls to cart-v2',
        '    response_headers_to_remove  (virtual host)     x-powered-by',
        '  clusters:',
        '    cart-v1 (90 %, eds, round_robin)',
        '      is asked for GET cart.internal/v1/cart/7?x=1',
        '      127.0.0.1:9081  unknown  weight 1  priority 0',
        '    cart-v2 (10 %, eds, round_robin)',
        '      is asked for GET cart.internal/v1/cart/7?x=1',
        '      127.0.0.1:9082  unknown  weight 1  priority 0',
        '  feed: grpc (the bootstrap is gRPC’s), from control plane PLANE',
        '  why:',
        '    listener shop:9080 answers for shop:9080',
        '    virtual host shop (*) is the best match for shop:9080',
        '    route 3 of 4 (shop/cart) is the first that matches /cart/7?x=1',
        '    its HTTP filters: faults',
        '    90 % go to cluster cart-v1: round_robin over 1 healthy of 1 endpoints',
        '    10 % go to cluster cart-v2: round_robin over 1 healthy of 1 endpoints',
      ].join('\n'),
    );
  });

  it('follow method, headers and overrides', async () => {
    const post = await explained('http://shop:9080/cart', '--method', 'POST');
    assert.equal(
      post,
      [
        'POST http://shop:9080/cart: mesh',
        '  listener             shop:9080',
        '  route configuration  shop:9080',
        '  virtual host         shop',
        '  routes:',
        '      1  shop/beta    headers[0] (x-user): asks for header x-user exact "jason", the call has none',
        '    → 2  shop/post    matches: prefix /; header :method exact "POST"',
        '      3  shop/cart    matches, too, but comes later: prefix /cart',
        '      4  shop/closed  matches, too, but comes later: prefix /',
        '  filters:',
        '    faults  idle',
        '    cors    idle',
        '  rules:',
        '    redirect                    (route)         307, host write.shop',
        '    response_headers_to_remove  (virtual host)  x-powered-by',
        '  feed: grpc (the bootstrap is gRPC’s), from control plane PLANE',
        '  why:',
        '    listener shop:9080 answers for shop:9080',
        '    virtual host shop (*) is the best match for shop:9080',
        '    route 2 of 4 (shop/post) is the first that matches /cart',
        '    the route redirects: 307',
      ].join('\n'),
    );
    const canary = {
      route: { 'shop:9080': 'cart-v3' },
      endpoint: { 'shop:9080': '127.0.0.1:9083' },
      timeout: 50,
      retries: false,
    };
    assert.equal(
      await explained('http://shop:9080/cart', '--override', JSON.stringify(canary)),
      [
        'GET http://shop:9080/cart: mesh',
        '  listener             shop:9080',
        '  route configuration  shop:9080',
        '  virtual host         shop',
        '  routes:',
        '      1  shop/beta    headers[0] (x-user): asks for header x-user exact "jason", the call has none',
        '      2  shop/post    headers[0] (:method): asks for header :method exact "POST", the call has "GET"',
        '    → 3  shop/cart    matches: prefix /cart',
        '      4  shop/closed  matches, too, but comes later: prefix /',
        '  filters:',
        '    faults  active  (route)',
        '    cors    idle',
        '  rules:',
        '    hash_policy                 (route)            header x-user (terminal)',
        '    hash_policy                 (route)            cookie cart, set where it is missing',
        '    timeout                     (caller)           50 ms',
        '    retry_policy                (caller)           one attempt',
        '    request_headers_to_add      (cluster cart-v3)  x-canary: 3 (append_if_exists_or_add)',
        '    request_headers_to_add      (route)            x-team: cart (overwrite_if_exists_or_add)',
        '    prefix_rewrite              (route)            /v1/cart',
        '    host_rewrite_literal        (route)            cart.internal',
        '    request_mirror_policies     (route)            5 of 100 calls to cart-v2',
        '    response_headers_to_remove  (virtual host)     x-powered-by',
        '  clusters:',
        '    cart-v3 (100 %, eds, round_robin)',
        '      is asked for GET cart.internal/v1/cart',
        '      127.0.0.1:9083  unknown  weight 1  priority 0',
        '  feed: grpc (the bootstrap is gRPC’s), from control plane PLANE',
        '  why:',
        '    listener shop:9080 answers for shop:9080',
        '    virtual host shop (*) is the best match for shop:9080',
        '    route 3 of 4 (shop/cart) is the first that matches /cart',
        '    its HTTP filters: faults',
        '    the caller asks for cluster cart-v3',
        '    100 % go to cluster cart-v3: round_robin over 1 healthy of 1 endpoints',
        '    the caller asks for its endpoint 127.0.0.1:9083',
      ].join('\n'),
    );
  });

  it('leave out what is far from the chosen route of a long table', async () => {
    const text = await explained('http://many:9080/p20/');
    assert.equal(
      text.slice(text.indexOf('  routes:'), text.indexOf('  rules:')),
      [
        '  routes:',
        '      1   many/r1   path: asks for prefix /p1/, the call has /p20/',
        '      2   many/r2   path: asks for prefix /p2/, the call has /p20/',
        '      3   many/r3   path: asks for prefix /p3/, the call has /p20/',
        '      4   many/r4   path: asks for prefix /p4/, the call has /p20/',
        '      5   many/r5   path: asks for prefix /p5/, the call has /p20/',
        '      6   many/r6   path: asks for prefix /p6/, the call has /p20/',
        '      7   many/r7   path: asks for prefix /p7/, the call has /p20/',
        '      8   many/r8   path: asks for prefix /p8/, the call has /p20/',
        '      9   many/r9   path: asks for prefix /p9/, the call has /p20/',
        '      10  many/r10  path: asks for prefix /p10/, the call has /p20/',
        '      … 7 more (--json shows them)',
        '      18  many/r18  path: asks for prefix /p18/, the call has /p20/',
        '      19  many/r19  path: asks for prefix /p19/, the call has /p20/',
        '    → 20  many/r20  matches: prefix /p20/',
        '      21  many/r21  path: asks for prefix /p21/, the call has /p20/',
        '      22  many/r22  path: asks for prefix /p22/, the call has /p20/',
        '      … 8 more (--json shows them)',
        '',
      ].join('\n'),
    );
  });

  it('count the overrides in force where they are asked for', async () => {
    const mesh = await scene.mesh();
    const named = async () => (await mesh.explain('http://shop:9080/cart')).clusters.map(({ name }) => name);
    assert.deepEqual(await named(), ['cart-v1', 'cart-v2']);
    assert.deepEqual(await mesh.with({ route: { 'shop:9080': 'cart-v3' } }, named), ['cart-v3']);
    await assert.rejects(mesh.explain('http://shop:9080/', { overrides: { timeout: -1 } }), /overrides: timeout/);
    // Of routes that answer by themselves there is no cluster to replace.
    const closed = await mesh.explain('http://shop:9080/', { overrides: { route: { 'shop:9080': 'cart-v3' } } });
    assert.ok(closed.why.includes('the caller asks for cluster cart-v3, in vain'));
    assert.deepEqual(closed.clusters, []);
  });
});
