import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { apiListener, service, virtualHost } from '../support/feed.ts';
import { Program } from '../support/program.ts';
import { installedRuntime, installRuntime, RUNTIMES } from '../support/runtimes.ts';
import { bootstrapFor, Scene } from '../support/scene.ts';
import { startHttp } from '../support/servers.ts';

const answer: RequestListener = (request, response) => {
  if (request.url === '/redirect') response.writeHead(302, { location: '/echo' }).end();
  else if (request.url === '/silence') request.resume();
  else if (request.url === '/cookies') response.setHeader('set-cookie', ['a=1', 'b=2']).end();
  else {
    response.setHeader('x-host', request.headers.host ?? '');
    response.setHeader('x-type', request.headers['content-type'] ?? '');
    request.pipe(response);
  }
};

/** What a program sees of the mesh through the fetch of its own runtime, as JSON. */
const program = (bootstrap: string, outside: string) => `
  import { createMesh, meshErrorOf } from 'inmesh';
  const mesh = await createMesh({ bootstrapConfig: ${JSON.stringify(bootstrap)}, env: {}, holdTimeoutMs: 2000 });
  const found = {};
  const url = 'http://reviews:9080/echo';
  const form = new FormData();
  form.set('file', new File(['in the file'], 'a.txt'));
  const calls = async (fetch) => {
    const post = async (body, more) => (await fetch(url, { method: 'POST', body, ...more })).text();
    return {
      get: (await fetch(url)).headers.get('x-host'),
      text: await post('text'),
      stream: await post(new Blob(['stream']).stream(), { duplex: 'half' }),
      blob: await post(new Blob(['blob'])),
      form: /filename="a.txt"[^]*in the file/.test(await post(form)),
      request: await (await fetch(new Request(url, { method: 'PUT', body: 'request' }))).text(),
      redirect: (await fetch('http://reviews:9080/redirect')).url,
      cookies: (await fetch('http://reviews:9080/cookies')).headers.getSetCookie(),
      local: await fetch('http://shop:9080/nowhere').then((r) => [r.status, r.headers.get('content-length')]),
      outside: await (await fetch(${JSON.stringify(outside)}, { method: 'POST', body: 'outside' })).text(),
      aborted: await fetch('http://reviews:9080/silence', { signal: AbortSignal.timeout(50) }).catch((error) => error.name),
    };
  };
  const refused = await mesh.fetch('http://shop:9080/nowhere');
  found.why = meshErrorOf(refused)?.code;
  found.fetch = await calls(mesh.fetch);
  mesh.install();
  found.installed = await calls(fetch);
  mesh.uninstall();
  found.uninstalled = await fetch(url).then(() => 'called', () => 'failed');
  console.log(JSON.stringify(found));
`;

const calls = {
  get: 'reviews:9080',
  text: 'text',
  stream: 'stream',
  blob: 'blob',
  form: true,
  request: 'request',
  redirect: 'http://reviews:9080/echo',
  cookies: ['a=1', 'b=2'],
  local: [404, '0'],
  outside: 'outside',
  aborted: 'TimeoutError',
};

describe('the fetch built into', () => {
  const required = process.env.PEERS === 'required';
  for (const [name, version] of [['this Node', null], ...Object.entries(RUNTIMES)] as const) {
    const missing = version !== null && installedRuntime(version) === null && !required;
    const title = missing ? `${name} (not installed: PEERS=required npm test brings it)` : name;
    (missing ? it.skip : it)(title, async function () {
      this.timeout(240_000);
      const node = version === null ? process.execPath : await installRuntime(version);
      await using app = await startHttp(answer);
      await using scene = await Scene.start([
        ...service('reviews:9080', [app.port]),
        apiListener('shop:9080', [virtualHost('shop', [])]),
      ]);
      const outside = `http://127.0.0.1:${app.port}/echo`;
      const run = scene.use(new Program(program(bootstrapFor(scene.plane.address), outside), { node }));
      const { code, out, err } = await run.ended;
      assert.equal(err.replaceAll(/.*ExperimentalWarning.*\n.*\n/g, ''), '');
      assert.deepEqual(JSON.parse(out), { why: 'no_route', fetch: calls, installed: calls, uninstalled: 'failed' });
      assert.equal(code, 0);
    });
  }
});
