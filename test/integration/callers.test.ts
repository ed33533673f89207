import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, type RequestListener, STATUS_CODES } from 'node:http';
import { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { type Mesh, meshErrorOf } from 'inmesh';
import * as undici8 from 'undici';
import * as undici6 from 'undici6';
import * as undici7 from 'undici7';
import { apiListener, service, virtualHost } from '../support/feed.ts';
import { guardProcess } from '../support/guard-process.ts';
import { Scene } from '../support/scene.ts';
import { startHttp, type Upstream } from '../support/servers.ts';

/** The three undici packages have types of their own, which describe one thing as far as these tests go. */
type Undici = typeof undici8;
const versions = {
  'undici 6': undici6 as unknown as Undici,
  'undici 7': undici7 as unknown as Undici,
  'undici 8': undici8,
};

/** A service with a page for everything that a caller may meet. */
const pages: Readonly<Record<string, RequestListener>> = {
  '/echo': (request, response) => {
    response.setHeader('x-method', request.method ?? '');
    response.setHeader('x-host', request.headers.host ?? '');
    response.setHeader('x-type', request.headers['content-type'] ?? '');
    response.setHeader('x-length', request.headers['content-length'] ?? '');
    request.pipe(response);
  },
  '/cookies': (_, response) => response.setHeader('set-cookie', ['a=1', 'b=2']).end(),
  '/redirect': (_, response) => response.writeHead(302, { location: '/echo?after' }).end(),
  '/trailers': (_, response) => {
    response.writeHead(200, { trailer: 'x-check' });
    response.write('body');
    response.addTrailers({ 'x-check': 'good' });
    response.end();
  },
  '/hints': (_, response) => {
    response.writeEarlyHints({ link: '</a.css>; rel=preload' });
    response.end('hinted');
  },
  '/nothing': (_, response) => response.writeHead(204).end(),
  '/silence': () => {},
  '/half': (_, response) => {
    response.writeHead(200).write('half');
  },
};

function answer(request: IncomingMessage, response: Parameters<RequestListener>[1]): void {
  const path = (request.url ?? '').split('?')[0] ?? '';
  const page = pages[path];
  if (page !== undefined) page(request, response);
  else request.resume().on('end', () => response.end(request.url));
}

describe('callers', () => {
  guardProcess();
  let app: Upstream;
  let scene: Scene;
  let mesh: Mesh;
  const base = 'http://reviews:9080';

  before(async () => {
    app = await startHttp(answer);
    app.server.on('upgrade', (request, socket) => {
      const { upgrade, 'sec-websocket-key': key } = request.headers;
      const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
      socket.write(
        `HTTP/1.1 101 ${STATUS_CODES[101]}\r\nupgrade: ${upgrade}\r\nconnection: upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
      );
      if (upgrade === 'websocket') socket.write(Buffer.from([0x81, 2, ...Buffer.from('hi')]));
      else socket.pipe(socket);
    });
    scene = await Scene.start([
      ...service('reviews:9080', [app.port]),
      apiListener('elsewhere', [
        virtualHost('elsewhere', [{ match: { prefix: '/known' }, route: { cluster: 'reviews:9080' } }]),
      ]),
    ]);
    mesh = await scene.mesh();
  });
  after(async () => {
    await scene[Symbol.asyncDispose]();
    await app.close();
  });

  for (const [version, undici] of Object.entries(versions)) {
    describe(version, () => {
      const request = (path: string, options: object = {}) =>
        undici.request(`${base}${path}`, { dispatcher: mesh.dispatcher, ...options } as Parameters<
          Undici['request']
        >[1]);

      it('requests: body, query, host, and the answer’s headers', async () => {
        const response = await request('/echo', { method: 'POST', body: 'hello' });
        assert.equal(response.statusCode, 200);
        assert.equal(response.headers['x-host'], 'reviews:9080');
        assert.equal(response.headers['x-length'], '5');
        assert.equal(await response.body.text(), 'hello');
        const queried = await request('/q', { query: { a: '1 2', b: ['x', 'y'] } });
        assert.equal(await queried.body.text(), '/q?a=1%202&b=x&b=y');
        const hosted = await request('/echo', { headers: { Host: 'other.example' } });
        assert.equal(hosted.headers['x-host'], 'other.example');
        await hosted.body.dump();
      });

      it('sends streams, iterables, buffers and blobs', async () => {
        const bodies = [
          Readable.from(['hel', 'lo']),
          (async function* () {
            yield Buffer.from('hello');
          })(),
          Buffer.from('hello'),
          new Blob(['hello'], { type: 'text/x' }),
        ];
        for (const body of bodies) {
          const response = await request('/echo', { method: 'PUT', body });
          assert.equal(await response.body.text(), 'hello');
          if (body instanceof Blob) assert.equal(response.headers['x-type'], 'text/x');
        }
      });

      it('sends its own FormData', async () => {
        const form = new undici.FormData();
        form.set('field', 'value');
        const response = await request('/echo', { method: 'POST', body: form });
        assert.match(String(response.headers['x-type']), /^multipart\/form-data; boundary=/);
        assert.match(await response.body.text(), /name="field"\r\n\r\nvalue\r\n/);
      });

      it('sees cookies, trailers, early hints, HEAD and 204 as they are', async () => {
        const cookies = await request('/cookies');
        assert.deepEqual(cookies.headers['set-cookie'], ['a=1', 'b=2']);
        await cookies.body.dump();
        const trailing = await request('/trailers');
        assert.equal(await trailing.body.text(), 'body');
        assert.deepEqual({ ...trailing.trailers }, { 'x-check': 'good' });
        const infos: number[] = [];
        const hinted = await request('/hints', {
          onInfo: (info: { statusCode: number }) => infos.push(info.statusCode),
        });
        assert.equal(await hinted.body.text(), 'hinted');
        assert.deepEqual(infos, [103]);
        const head = await request('/echo', { method: 'HEAD' });
        assert.equal(head.headers['x-method'], 'HEAD');
        assert.equal(await head.body.text(), '');
        const nothing = await request('/nothing');
        assert.equal(nothing.statusCode, 204);
        assert.equal(await nothing.body.text(), '');
      });

      it('streams and pipelines', async () => {
        const chunks: string[] = [];
        await undici.stream(
          `${base}/echo`,
          { method: 'POST', body: 'streamed', dispatcher: mesh.dispatcher } as Parameters<Undici['stream']>[1],
          () =>
            new Writable({
              write(chunk, _, done) {
                chunks.push(String(chunk));
                done();
              },
            }),
        );
        assert.equal(chunks.join(''), 'streamed');
        const through = undici.pipeline(
          `${base}/echo`,
          { method: 'POST', dispatcher: mesh.dispatcher } as Parameters<Undici['pipeline']>[1],
          ({ body }) => body,
        );
        through.end('piped');
        assert.equal(await text(through), 'piped');
      });

      it('fetches, follows redirects and reads local replies with their headers', async () => {
        const options = { dispatcher: mesh.dispatcher } as Parameters<Undici['fetch']>[1];
        const redirected = await undici.fetch(`${base}/redirect`, options);
        assert.equal(redirected.url, `${base}/echo?after`);
        assert.equal(redirected.headers.get('x-host'), 'reviews:9080');
        const cookies = await undici.fetch(`${base}/cookies`, options);
        assert.deepEqual(cookies.headers.getSetCookie(), ['a=1', 'b=2']);
        const form = new undici.FormData();
        form.set('field', 'value');
        const posted = await undici.fetch(`${base}/echo`, { ...options, method: 'POST', body: form });
        assert.match(await posted.text(), /value/);
        const nowhere = await undici.fetch('http://elsewhere/unknown', options);
        assert.equal(nowhere.status, 404);
      });

      it('is told a local reply as a response: status, headers, body', async () => {
        const response = await undici.request('http://elsewhere/unknown', {
          dispatcher: mesh.dispatcher,
        } as Parameters<Undici['request']>[1]);
        assert.equal(response.statusCode, 404);
        assert.equal(response.headers['content-length'], '0');
        assert.equal(await response.body.text(), '');
        if (version === 'undici 8') assert.equal(meshErrorOf(response)?.flag, 'NR');
      });

      it('upgrades', async () => {
        const { socket, headers } = await undici.upgrade(`${base}/chat`, {
          dispatcher: mesh.dispatcher,
          protocol: 'chat',
        } as Parameters<Undici['upgrade']>[1]);
        assert.equal(headers.upgrade, 'chat');
        socket.end('over the socket');
        assert.equal(await text(socket), 'over the socket');
      });

      it('aborts before it begins, while it waits, and in the body', async () => {
        const reason = new Error('enough');
        await assert.rejects(request('/silence', { signal: AbortSignal.abort(reason) }), reason);
        const waiting = new AbortController();
        const waits = request('/silence', { signal: waiting.signal });
        setImmediate(() => waiting.abort(reason));
        await assert.rejects(waits, reason);
        const half = await request('/half');
        half.body.destroy(reason);
        await assert.rejects(half.body.text());
      });

      it('may be the process-wide dispatcher of that undici', async () => {
        const before = undici.getGlobalDispatcher();
        undici.setGlobalDispatcher(mesh.dispatcher as unknown as Parameters<Undici['setGlobalDispatcher']>[0]);
        try {
          assert.equal(await (await undici.request(`${base}/global`)).body.text(), '/global');
          const outside = await undici.request(`http://127.0.0.1:${app.port}/outside`);
          assert.equal(await outside.body.text(), '/outside');
        } finally {
          undici.setGlobalDispatcher(before);
        }
      });
    });
  }

  describe('the built-in fetch', () => {
    it('takes strings, streams, forms, blobs and Requests', async () => {
      const post = (body: unknown, more: object = {}) =>
        mesh.fetch(`${base}/echo`, { method: 'POST', body, ...more } as RequestInit);
      assert.equal(await (await post('text')).text(), 'text');
      assert.equal(await (await post(new Blob(['blob']).stream(), { duplex: 'half' })).text(), 'blob');
      assert.equal(await (await post(new Blob(['blob']))).text(), 'blob');
      const form = new FormData();
      form.set('file', new File(['content'], 'a.txt'));
      assert.match(await (await post(form)).text(), /filename="a.txt"[\s\S]*content/);
      const fromRequest = await mesh.fetch(new Request(`${base}/echo`, { method: 'PUT', body: 'asked' }));
      assert.equal(fromRequest.headers.get('x-method'), 'PUT');
      assert.equal(await fromRequest.text(), 'asked');
      assert.equal(meshErrorOf(fromRequest), null);
    });

    it('follows redirects, and tells the error behind a local reply', async () => {
      assert.equal((await mesh.fetch(`${base}/redirect`)).url, `${base}/echo?after`);
      const response = await mesh.fetch('http://elsewhere/unknown');
      assert.equal(response.status, 404);
      assert.equal(response.headers.get('content-length'), '0');
      assert.equal(meshErrorOf(response)?.code, 'no_route');
    });

    it('is under the mesh while it is installed, and undici with it', async () => {
      const slots = () =>
        [2, 1].map((n) => (globalThis as Record<symbol, unknown>)[Symbol.for(`undici.globalDispatcher.${n}`)]);
      const before = slots();
      mesh.install();
      mesh.install();
      try {
        assert.equal(await (await fetch(`${base}/installed`)).text(), '/installed');
        assert.equal(await (await undici6.request(`${base}/six`)).body.text(), '/six');
        assert.equal(await (await undici7.request(`${base}/seven`)).body.text(), '/seven');
        assert.equal(await (await undici8.request(`${base}/eight`)).body.text(), '/eight');
        assert.equal(await (await fetch(`http://127.0.0.1:${app.port}/out`)).text(), '/out');
        assert.equal((await fetch('http://elsewhere/unknown')).headers.get('content-length'), '0');
      } finally {
        mesh.uninstall();
        mesh.uninstall();
      }
      assert.deepEqual(
        slots().map((slot, i) => slot === before[i]),
        [true, true],
      );
    });
  });

  it('refuses a handler that it does not know at once', () => {
    for (const handler of [null, {}, { onHeaders() {} }, { onResponseStart() {} }]) {
      assert.throws(
        () => mesh.dispatcher.dispatch({ origin: base, path: '/', method: 'GET' }, handler as never),
        undici8.errors.InvalidArgumentError,
      );
    }
  });

  it('carries a WebSocket', async () => {
    const socket = new undici8.WebSocket('ws://reviews:9080/chat', { dispatcher: mesh.dispatcher });
    const [{ data }] = (await once(socket as unknown as EventTarget, 'message')) as [{ data: string }];
    assert.equal(data, 'hi');
    const closed = once(socket as unknown as EventTarget, 'close');
    socket.close();
    for (const open of app.open) open.destroy();
    await closed;
  });
});
