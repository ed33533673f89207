import assert from 'node:assert/strict';
import { once } from 'node:events';
import { constants } from 'node:http2';
import { connect, type Socket } from 'node:net';
import type { MessageStream, StreamStatus, StreamTransport } from '@inmesh/core';
import { FrameServer } from '../testing/frame-server.ts';
import { data, END_STREAM, FRAME, goaway, headers, rstStream, settings } from '../testing/h2-frames.ts';
import { grpcChannel, grpcServer } from './index.ts';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const ANSWER = [':status', '200', 'content-type', 'application/grpc'];
const NO_HTTP2 = Buffer.from('neither a frame of HTTP/2 nor anything else that is known here');
const { NGHTTP2_NO_ERROR: NO_ERROR, NGHTTP2_ENHANCE_YOUR_CALM: CALM } = constants;

/** One message of one byte. */
function message(stream: number, text: string): Buffer {
  return data(stream, `\0\0\0\0\x01${text}`);
}

describe('gRPC after a GOAWAY', () => {
  describe('of the server', () => {
    let server: FrameServer;
    let channel: StreamTransport & { close(): void };

    beforeEach(async () => {
      server = new FrameServer();
      await server.listen();
      channel = grpcChannel({ target: `127.0.0.1:${server.port}`, tls: null, keepaliveMs: 0 });
    });

    afterEach(async () => {
      channel.close();
      await server.close();
    });

    function call(): { stream: MessageStream; messages: AsyncIterator<string>; ended: Promise<StreamStatus> } {
      const { promise: ended, resolve } = Promise.withResolvers<StreamStatus>();
      const queue: string[] = [];
      let wake = (): void => {};
      const stream = channel.open(
        '/a.B/C',
        {},
        {
          onMessage: (bytes) => {
            queue.push(Buffer.from(bytes).toString());
            wake();
          },
          onEnd: resolve,
        },
      );
      async function* told(): AsyncGenerator<string> {
        for (;;) {
          const next = queue.shift();
          if (next !== undefined) yield next;
          else {
            await new Promise<void>((woken) => {
              wake = woken;
            });
          }
        }
      }
      return { stream, messages: told(), ended };
    }

    const asked = (stream: number) => server.until((frame) => frame.type === FRAME.headers && frame.stream === stream);

    for (const [name, code] of [
      ['NO_ERROR', NO_ERROR],
      ['ENHANCE_YOUR_CALM', CALM],
    ] as const) {
      it(`with ${name} what it has taken goes on, and the rest is refused`, async () => {
        const one = call();
        await asked(1);
        const two = call();
        await asked(3);
        server.send(headers(1, ANSWER), goaway(1, code), message(1, 'a'));
        assert.deepEqual(await one.messages.next(), { done: false, value: 'a' });
        const { code: status, message: text } = await two.ended;
        assert.deepEqual([status, text], [14, 'the peer reset the stream with REFUSED_STREAM (7)']);
        server.send(headers(1, ['grpc-status', '0'], END_STREAM));
        assert.deepEqual(await one.ended, { code: 0, message: '' });
        const gone = await server.until((frame) => frame.type === FRAME.goaway);
        assert.equal(gone.stream, 0);
      });

      it(`with ${name} it is heard that the connection breaks`, async () => {
        for (const breaks of [() => server.send(NO_HTTP2), () => server.hangUp()]) {
          const one = call();
          await asked(1);
          server.send(headers(1, ANSWER), goaway(1, code), message(1, 'a'));
          await one.messages.next();
          breaks();
          const { code: status, message: text } = await one.ended;
          assert.equal(status, 14);
          assert.match(text, new RegExp(`lost: .*GOAWAY with ${name} \\(${code}\\)$`));
          server.frames.length = 0;
        }
      });
    }

    it('opens another connection for the next call', async () => {
      const one = call();
      await asked(1);
      server.send(headers(1, ANSWER), goaway(1, CALM), message(1, 'a'));
      await one.messages.next();
      server.frames.length = 0;
      call();
      await asked(1);
      one.stream.close();
    });
  });

  describe('of a client', () => {
    const REQUEST = [
      ':method',
      'POST',
      ':scheme',
      'http',
      ':authority',
      'a',
      ':path',
      '/a.B/C',
      'content-type',
      'application/grpc',
    ];

    for (const [what, breaks] of [
      ['sends what is no HTTP/2', (socket: Socket) => void socket.write(NO_HTTP2)],
      ['resets its stream', (socket: Socket) => void socket.write(rstStream(1, constants.NGHTTP2_CANCEL))],
      ['hangs up', (socket: Socket) => void socket.end()],
    ] as const) {
      it(`a stream goes on until it ${what}`, async () => {
        const { promise: heard, resolve: hear } = Promise.withResolvers<string>();
        const { promise: closed, resolve: close } = Promise.withResolvers<string | null>();
        const server = grpcServer({
          services: {
            '/a.B/C': () => ({ onMessage: (bytes) => hear(Buffer.from(bytes).toString()), onClose: close }),
          },
        });
        const target = await server.listen({ port: 0 });
        const socket = connect({ host: '127.0.0.1', port: Number(target.split(':')[1]) });
        try {
          socket.on('error', () => {}).resume();
          await once(socket, 'connect');
          socket.write(Buffer.concat([PREFACE, settings(), headers(1, REQUEST), goaway(0, CALM), message(1, 'a')]));
          assert.equal(await heard, 'a');
          breaks(socket);
          assert.match((await closed) ?? '', /^(reset by the client|connection closed)/);
          await once(socket, 'close');
        } finally {
          socket.destroy();
          await server.destroy();
        }
      });
    }
  });
});
