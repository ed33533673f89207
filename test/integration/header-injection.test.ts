import assert from 'node:assert/strict';
import { isMeshError } from 'inmesh';
import type { Dispatcher } from 'undici';
import { apiListener, cluster, endpoints, virtualHost } from '../support/feed.ts';
import { guardProcess } from '../support/guard-process.ts';
import { Scene } from '../support/scene.ts';
import { requestHead, startTcp, type Upstream } from '../support/servers.ts';

/** What would end a line, or a text, where it is written as it is. */
const INJECTIONS = ['\r', '\n', '\0', '\r\nx-evil: 1', '\r\n\r\nGET /evil HTTP/1.1\r\nhost: evil\r\n\r\n'];

/** Every part of a request that a caller can give. */
const PLACES: Readonly<Record<string, (text: string) => Partial<Dispatcher.DispatchOptions>>> = {
  'a path': (text) => ({ path: `/a${text}b` }),
  'a query': (text) => ({ path: `/?a=${text}b` }),
  'a method': (text) => ({ method: `GET${text}` as never }),
  'a value': (text) => ({ headers: ['x-a', `a${text}b`] }),
  'a value at its end': (text) => ({ headers: { 'x-a': `a${text}` } }),
  'one of several values': (text) => ({ headers: { 'x-a': ['1', `a${text}b`] } }),
  'a name': (text) => ({ headers: { [`x${text}a`]: '1' } }),
  'an authority': (text) => ({ headers: ['host', `app${text}:9080`] }),
  'a cookie': (text) => ({ headers: ['cookie', `a=1${text}`] }),
  'a content-type': (text) => ({ method: 'POST', body: 'x', headers: ['content-type', `text/plain${text}`] }),
};

/**
 * A caller hands on what strangers gave it, into every part of a request. Whatever ends a line in HTTP is refused there, in plain words
 * and before anything of the request leaves, wherever its route leads; the connection stays good for the next call.
 */
describe('CR, LF and NUL in what a caller gives', () => {
  guardProcess();
  let wire = '';
  let app: Upstream<never>;
  let scene: Scene;

  before(async () => {
    app = (await startTcp(async (socket) => {
      for (;;) {
        wire += await requestHead(socket).catch(() => '');
        if (!socket.writable) return;
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
      }
    })) as Upstream<never>;
    const elsewhere = { headers: [{ name: 'x-to', string_match: { exact: 'elsewhere' } }] };
    const here = { headers: [{ name: 'x-to', string_match: { exact: 'here' } }] };
    const echo = [{ header: { key: 'x-echo', value: '%REQ(x-a)%' } }];
    scene = await Scene.start([
      apiListener('app:9080', [
        virtualHost('app', [
          { match: { prefix: '/', ...elsewhere }, redirect: { https_redirect: true } },
          { match: { prefix: '/', ...here }, direct_response: { status: 200 }, response_headers_to_add: echo },
          { match: { prefix: '/' }, route: { cluster: 'app' } },
        ]),
      ]),
      cluster('app'),
      endpoints('app', [app.port]),
    ]);
  });
  after(async () => {
    await scene[Symbol.asyncDispose]();
    await app.close();
  });

  async function outcome(failAs: 'error' | 'response', more: Partial<Dispatcher.DispatchOptions>): Promise<unknown> {
    const mesh = await scene.mesh({ failAs });
    return new Promise((resolve) => {
      let status = 0;
      let told = '';
      mesh.dispatcher.dispatch(
        { origin: 'http://app:9080', path: '/', method: 'GET', ...more },
        {
          onRequestStart() {},
          onResponseStart(_, code, headers) {
            status = code;
            told = JSON.stringify(headers);
          },
          onResponseData() {},
          onResponseEnd: () => resolve({ status, echoes: told.includes('x-echo') }),
          onResponseError: (_, error) => resolve(error),
        },
      );
    });
  }

  for (const [place, options] of Object.entries(PLACES)) {
    it(`${place}: refused, and nothing of it is sent`, async () => {
      for (const text of INJECTIONS) {
        for (const to of ['service', 'elsewhere', 'here']) {
          const more = options(text);
          const headers = Array.isArray(more.headers) ? more.headers : Object.entries(more.headers ?? {}).flat();
          const all = { ...more, headers: [...headers, 'x-to', to] as string[] };
          const error = await outcome('error', all);
          const shown = `${JSON.stringify(text)} to ${to}`;
          assert.ok(isMeshError(error), `${shown}: ${JSON.stringify(error)}`);
          assert.equal(error.code, 'invalid_request', shown);
          assert.deepEqual(await outcome('response', all), { status: 400, echoes: false }, shown);
          assert.equal(wire, '', shown);
        }
      }
      assert.deepEqual(await outcome('response', {}), { status: 200, echoes: false });
      const answered = { status: 200, echoes: true };
      assert.deepEqual(await outcome('response', { headers: { 'x-to': 'here', 'x-a': '1' } }), answered);
      assert.match(wire, /^GET \/ HTTP\/1\.1\r\n/);
      wire = '';
    });
  }
});
