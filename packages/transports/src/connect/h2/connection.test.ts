import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Http2Server, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { buffer, text } from 'node:stream/consumers';
import { type Body, BytesBody, Headers, isMeshError, StreamBody, systemClock } from '@inmesh/core';
import {
  type CallOptions,
  callTo,
  clusterOf,
  endpointAt,
  Heard,
  Owner,
  openSocketTo,
  portOf,
} from '../../testing/connection-scene.ts';
import { H2Connection } from './connection.ts';

type Answer = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, raw: string[]) => void;

describe('an HTTP/2 connection', () => {
  let server: Http2Server;
  let answer: Answer;
  let owner: Owner;
  let connection: H2Connection;

  async function open(...config: Parameters<typeof clusterOf>): Promise<H2Connection> {
    owner = new Owner();
    const port = portOf(server);
    const parts = { clock: systemClock, random: () => 0 };
    return new H2Connection(await openSocketTo(port), endpointAt(port), clusterOf(...config), owner, parts);
  }

  async function ask(options: CallOptions = {}): Promise<Heard> {
    const heard = new Heard();
    connection.dispatch(callTo(options), heard);
    await heard.over;
    return heard;
  }

  beforeEach(async () => {
    answer = (stream) => {
      stream.respond({ ':status': 200 });
      stream.end('ok');
    };
    server = createServer({ settings: { enableConnectProtocol: true } });
    server.on('session', (session) => session.on('error', () => {}));
    server.on('stream', (stream, headers, _flags, raw) => {
      stream.on('error', () => {});
      answer(stream, headers, raw as unknown as string[]);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    connection = await open();
  });
  afterEach(async () => {
    connection.destroy(new Error('the test is over'));
    server.close();
    await once(server, 'close');
  });

  it('tells what was sent and what came, and that there is room before the caller hears the end', async () => {
    answer = (stream) => {
      stream.additionalHeaders({ ':status': 103, link: '</a>' });
      stream.respond({ ':status': 200, 'set-cookie': ['a=1', 'b=2'] }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '2' }));
      stream.end('ok');
    };
    const heard = new Heard();
    heard.onSaid = () => owner.told.push(heard.said.at(-1) as string);
    connection.dispatch(callTo({ method: 'POST', body: new BytesBody(Buffer.from('body')) }), heard);
    await heard.over;
    assert.deepEqual(heard.said, ['sending', 'sent', 'informational 103 link,</a>', '200', 'data', 'end x-sum,2']);
    assert.deepEqual(heard.headers.flat().slice(0, 4), ['set-cookie', 'a=1', 'set-cookie', 'b=2']);
    assert.equal(heard.body.toString(), 'ok');
    assert.deepEqual(owner.told.slice(-2), ['free', 'end x-sum,2']);
  });

  it('carries many calls at once', async () => {
    const streams: ServerHttp2Stream[] = [];
    answer = (stream) => {
      streams.push(stream);
      // The last one first: no answer waits for another.
      if (streams.length === 50) {
        for (const one of streams.reverse()) {
          one.respond({ ':status': 200 });
          one.end(`${one.id}`);
        }
      }
    };
    const all = Array.from({ length: 50 }, () => ask());
    const bodies = (await Promise.all(all)).map((heard) => heard.body.toString());
    assert.deepEqual(
      bodies,
      Array.from({ length: 50 }, (_, i) => `${2 * i + 1}`),
    );
  });

  describe('sends', () => {
    async function sent(options: CallOptions): Promise<{ raw: string[]; body: string; trailers: IncomingHttpHeaders }> {
      let seen: { raw: string[]; body: string; trailers: IncomingHttpHeaders } | null = null;
      answer = async (stream, _, raw) => {
        let trailers: IncomingHttpHeaders = {};
        stream.on('trailers', (given) => {
          trailers = given;
        });
        seen = { raw, body: await text(stream), trailers };
        stream.respond({ ':status': 204 }, { endStream: true });
      };
      const heard = await ask(options);
      assert.equal(heard.said.at(-1), 'end', `${heard.error}`);
      assert.ok(seen !== null);
      return seen;
    }

    it('headers in lower case, without those of an HTTP/1 connection, cookies in one', async () => {
      const { raw } = await sent({
        authority: 'shop.example',
        path: '/a?b',
        headers: [
          'Host',
          'other',
          'X-A',
          '1',
          'x-a',
          '2',
          'Cookie',
          'a=1',
          'cookie',
          'b=2',
          'TE',
          'trailers, deflate',
          'Connection',
          'close, X-Own',
          'x-own',
          '1',
          'Keep-Alive',
          '5',
          'Upgrade',
          'h2c',
          'Transfer-Encoding',
          'chunked',
        ],
      });
      assert.deepEqual(raw, [
        ':method',
        'GET',
        ':scheme',
        'http',
        ':authority',
        'shop.example',
        ':path',
        '/a?b',
        'x-a',
        '1',
        'x-a',
        '2',
        'cookie',
        'a=1; b=2',
        'te',
        'trailers',
      ]);
    });

    for (const [what, body, length, trailers] of [
      ['no body', null, '0', undefined],
      ['bytes', new BytesBody(Buffer.from('whole')), '5', undefined],
      ['bytes and trailers', new BytesBody(Buffer.from('whole'), Headers.from(['X-Sum', '1'])), '5', '1'],
      ['trailers alone', new BytesBody(Buffer.alloc(0), Headers.from(['X-Sum', '1'])), '0', '1'],
      ['a stream', new StreamBody([Buffer.from('who'), Buffer.from('le')]), undefined, undefined],
      ['a stream of known length', new StreamBody([Buffer.from('whole')], { length: 5 }), '5', undefined],
      [
        'a stream and trailers',
        new StreamBody([Buffer.from('whole')], { trailers: () => Headers.from(['X-Sum', '1']) }),
        undefined,
        '1',
      ],
    ] as const satisfies readonly (readonly [string, Body | null, string | undefined, string | undefined])[]) {
      it(what, async () => {
        const got = await sent({ method: 'POST', body });
        const at = got.raw.indexOf('content-length');
        assert.equal(at < 0 ? undefined : got.raw[at + 1], length);
        assert.equal(got.body, body === null || body.length === 0 ? '' : 'whole');
        assert.equal(got.trailers['x-sum'], trailers);
      });
    }
  });

  for (const [what, options, reason] of [
    ['a line break in a header', { headers: ['x', 'a\r\nb'] }, /invalid character in the value of header "x"/],
    ['a zero byte, which would begin a header of its own', { headers: ['x', 'a\0y\0b'] }, /invalid character/],
    ['a character that would be cut to a line break', { headers: ['x', '\u010a'] }, /invalid character/],
    ['no header name', { headers: ['a b', '1'] }, /token/],
    ['a line break in the path', { path: '/\n' }, /invalid character in the path/],
    [
      "a length that is not the body's",
      { method: 'POST', headers: ['content-length', '3'], body: new BytesBody(Buffer.from('four')) },
      /content-length says 3/,
    ],
    [
      'a stream that is shorter than it says',
      { method: 'POST', body: new StreamBody([Buffer.from('x')], { length: 2 }) },
      /content-length says 2/,
    ],
    [
      'a stream that is longer than it says',
      { method: 'POST', body: new StreamBody([Buffer.from('xyz')], { length: 2 }) },
      /content-length says 2/,
    ],
  ] as const satisfies readonly (readonly [string, CallOptions, RegExp])[]) {
    it(`refuses ${what}, and goes on`, async () => {
      const heard = await ask(options);
      assert.ok(isMeshError(heard.error));
      assert.equal(heard.error.code, 'invalid_request');
      assert.match(heard.error.message, reason);
      assert.equal((await ask()).said.at(-1), 'end');
    });
  }

  it('answers without a body end with their headers', async () => {
    for (const [method, status] of [
      ['HEAD', 200],
      ['GET', 204],
      ['GET', 304],
    ] as const) {
      answer = (stream) =>
        stream.respond({ ':status': status, 'content-length': status === 204 ? undefined : '7' }, { endStream: true });
      const heard = await ask({ method });
      assert.deepEqual(heard.said, ['sending', 'sent', `${status}`, 'end']);
    }
  });

  it('streams both ways at once', async () => {
    answer = (stream) => {
      stream.respond({ ':status': 200 });
      stream.pipe(stream);
    };
    const pieces = ['one', 'two', 'three'];
    const heard = new Heard();
    async function* source(): AsyncGenerator<Buffer> {
      for (const piece of pieces) {
        yield Buffer.from(piece);
        // The next one only once this one came back.
        while (!heard.body.includes(piece)) await new Promise((resolve) => setImmediate(resolve));
      }
    }
    connection.dispatch(callTo({ method: 'POST', body: new StreamBody(source()) }), heard);
    await heard.over;
    assert.equal(heard.body.toString(), 'onetwothree');
    assert.equal(heard.said.at(-1), 'end');
  });

  it('a caller that pauses holds up its own response and no other, and gets all of it', async () => {
    const size = 8 * 1024 * 1024;
    let written = 0;
    answer = (stream, headers) => {
      stream.respond({ ':status': 200 });
      if (headers[':path'] === '/small') {
        stream.end('small');
        return;
      }
      const chunk = Buffer.alloc(64 * 1024, 'x');
      const write = () => {
        while (written < size) {
          written += chunk.length;
          if (!stream.write(chunk)) {
            stream.once('drain', write);
            return;
          }
        }
        stream.end();
      };
      write();
    };
    const heard = new Heard();
    const call = callTo();
    connection.dispatch(call, heard);
    call.controller.pause();
    await heard.until('200');
    const small = await ask({ path: '/small' });
    assert.equal(small.body.toString(), 'small');
    assert.equal(heard.body.length, 0);
    // The stream's window, and what the server's side holds, bound what is on its way.
    assert.ok(written < size / 2, `${written}`);
    call.controller.resume();
    await heard.over;
    assert.equal(heard.body.length, size);
  });

  it('a server that reads slowly slows the source down', async () => {
    let stream: ServerHttp2Stream | null = null;
    answer = (one) => {
      stream = one;
    };
    const chunk = Buffer.alloc(64 * 1024);
    let produced = 0;
    function* source(): Generator<Buffer> {
      for (let i = 0; i < 128; i++) {
        produced++;
        yield chunk;
      }
    }
    const heard = new Heard();
    connection.dispatch(callTo({ method: 'POST', body: new StreamBody(source(), { replayLimit: 0 }) }), heard);
    while (stream === null) await new Promise((resolve) => setImmediate(resolve));
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    assert.ok(produced < 16, `${produced} pieces of 64 KB into a window of 64 KB`);
    assert.ok(!heard.said.includes('sent'));
    const received = stream as ServerHttp2Stream;
    assert.equal((await buffer(received)).length, 128 * chunk.length);
    received.respond({ ':status': 200 }, { endStream: true });
    await heard.over;
    assert.deepEqual(heard.said, ['sending', 'sent', '200', 'end']);
  });

  it('an answer before the end of the request ends both', async () => {
    async function* source(): AsyncGenerator<Buffer> {
      yield Buffer.from('x');
      await new Promise(() => {});
    }
    const closed = new Promise<void>((resolve) => {
      answer = (stream) => {
        stream.on('close', resolve);
        stream.respond({ ':status': 413 });
        stream.end('too much');
      };
    });
    const heard = await ask({ method: 'POST', body: new StreamBody(source()) });
    assert.deepEqual(heard.said, ['sending', '413', 'data', 'end']);
    await closed;
    assert.deepEqual(owner.told, ['free']);
    assert.equal((await ask({ path: '/next' })).said.at(-1), 'end');
  });

  it('an aborted call resets its stream, and the server does not take its body for complete', async () => {
    const seen = new Promise<string>((resolve) => {
      answer = (stream) => {
        stream.on('aborted', () => resolve(`aborted ${stream.rstCode} ${stream.readableEnded}`));
        stream.on('end', () => resolve('end'));
        stream.resume();
      };
    });
    async function* source(): AsyncGenerator<Buffer> {
      yield Buffer.from('half');
      await new Promise(() => {});
    }
    const heard = new Heard();
    const call = callTo({ method: 'POST', body: new StreamBody(source()) });
    const arrived = once(server, 'stream');
    connection.dispatch(call, heard);
    await arrived;
    call.controller.abort(new Error('enough'));
    assert.deepEqual(heard.said, ['sending', 'error enough']);
    assert.equal(await seen, 'aborted 8 false');
    assert.deepEqual(owner.told, ['free']);
  });

  it('what the source of a body fails with is what the caller hears', async () => {
    async function* source(): AsyncGenerator<Buffer> {
      yield Buffer.from('half');
      throw new Error('disk');
    }
    const heard = await ask({ method: 'POST', body: new StreamBody(source()) });
    assert.equal(heard.error?.message, 'disk');
    assert.equal((await ask()).said.at(-1), 'end');
  });

  it("an upgrade is an extended CONNECT, and its stream is the caller's until it closes", async () => {
    const asked = new Promise<string[]>((resolve) => {
      answer = (stream, _, raw) => {
        resolve(raw.slice(0, 10));
        stream.respond({ ':status': 200, 'sec-websocket-protocol': 'chat' });
        stream.pipe(stream);
      };
    });
    const heard = await ask({
      path: '/chat',
      upgrade: 'websocket',
      headers: ['connection', 'upgrade', 'upgrade', 'websocket'],
    });
    assert.deepEqual(heard.said, ['sending', 'upgrade 101']);
    assert.deepEqual(await asked, [
      ':method',
      'CONNECT',
      ':protocol',
      'websocket',
      ':scheme',
      'http',
      ':authority',
      'c',
      ':path',
      '/chat',
    ]);
    assert.equal(heard.headers.get('upgrade'), 'websocket');
    assert.equal(heard.headers.get('connection'), 'upgrade');
    assert.equal(heard.headers.get('sec-websocket-protocol'), 'chat');
    assert.ok(heard.socket !== null);
    assert.deepEqual(owner.told, []);
    heard.socket.end('hello');
    assert.equal(await text(heard.socket), 'hello');
    await owner.until('free');
  });

  it('an upgrade that is not granted is an answer like any other', async () => {
    answer = (stream) => {
      stream.respond({ ':status': 403 });
      stream.end('no');
    };
    const heard = await ask({ upgrade: 'websocket' });
    assert.deepEqual(heard.said, ['sending', 'sent', '403', 'data', 'end']);
    assert.deepEqual(owner.told, ['free']);
  });

  it('an answer with more headers than are allowed is reset, as Envoy does', async () => {
    connection.destroy(new Error('another one'));
    connection = await open({ maxResponseHeaderBytes: 1024 });
    answer = (stream) => {
      stream.respond({ ':status': 200, 'x-long': 'x'.repeat(8_000) });
      stream.end('ok');
    };
    const heard = await ask();
    assert.deepEqual(heard.said, ['sending', 'sent', 'error remote_reset UR']);
    assert.deepEqual(owner.told.slice(-1), ['free']);
  });

  it('closes after the calls in flight, at once where there are none', async () => {
    const streams: ServerHttp2Stream[] = [];
    answer = (stream) => streams.push(stream);
    const heard = new Heard();
    const arrived = once(server, 'stream');
    connection.dispatch(callTo(), heard);
    await arrived;
    connection.close();
    assert.deepEqual(owner.told, []);
    streams[0]?.respond({ ':status': 204 }, { endStream: true });
    await heard.over;
    assert.equal(heard.said.at(-1), 'end');
    assert.deepEqual(owner.told, ['closed']);
    connection = await open();
    connection.close();
    assert.deepEqual(owner.told, ['closed']);
  });

  it('on a socket that is gone says so, and takes nothing', async () => {
    connection.destroy(new Error('another one'));
    const port = portOf(server);
    const socket = await openSocketTo(port);
    socket.destroy();
    owner = new Owner();
    const parts = { clock: systemClock, random: () => 0 };
    connection = new H2Connection(socket, endpointAt(port), clusterOf(), owner, parts);
    const heard = await ask();
    assert.deepEqual(heard.said, ['error connection_termination UC']);
    await owner.until('closed');
  });

  it('fails its calls with the reason for which it is destroyed', async () => {
    answer = () => {};
    const heard = new Heard();
    const arrived = once(server, 'stream');
    connection.dispatch(callTo(), heard);
    await arrived;
    connection.destroy(new Error('closing'));
    await heard.over;
    assert.match(heard.error?.message ?? '', /^\[connection_termination\].*closing/);
    await owner.until('closed');
    assert.deepEqual(owner.told, ['closed']);
  });
});
