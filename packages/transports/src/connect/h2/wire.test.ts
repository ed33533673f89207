import assert from 'node:assert/strict';
import { constants } from 'node:http2';
import { BytesBody, isMeshError, StreamBody, systemClock } from '@inmesh/core';
import {
  type CallOptions,
  callTo,
  clusterOf,
  endpointAt,
  Heard,
  Owner,
  openSocketTo,
} from '../../testing/connection-scene.ts';
import { FrameServer } from '../../testing/frame-server.ts';
import { data, END_STREAM, FRAME, frame, goaway, headers, rstStream, settings } from '../../testing/h2-frames.ts';
import { H2Connection } from './connection.ts';

const { NGHTTP2_ENHANCE_YOUR_CALM: CALM, NGHTTP2_REFUSED_STREAM: REFUSED } = constants;
const MAX_CONCURRENT_STREAMS = 3;

describe('an HTTP/2 connection, by what a server sends frame by frame', () => {
  let server: FrameServer;
  let owner: Owner;
  let connection: H2Connection;

  async function open(options: ConstructorParameters<typeof FrameServer>[0] = {}): Promise<void> {
    server = new FrameServer(options);
    await server.listen();
    owner = new Owner();
    const socket = await openSocketTo(server.port);
    const parts = { clock: systemClock, random: () => 0 };
    connection = new H2Connection(socket, endpointAt(server.port), clusterOf(), owner, parts);
  }

  function ask(options: CallOptions = {}): Heard {
    const heard = new Heard();
    connection.dispatch(callTo(options), heard);
    return heard;
  }

  /** A connection that has served a call before. */
  async function served(): Promise<void> {
    await open();
    server.onRequest = (stream) => server.send(headers(stream, [':status', '204'], END_STREAM));
    await ask().over;
    server.onRequest = () => {};
    owner.told.length = 0;
  }

  const arrived = (count: number) =>
    server.until(() => server.frames.filter(({ type }) => type === FRAME.headers).length >= count);

  afterEach(async () => {
    connection.destroy(new Error('the test is over'));
    await server.close();
  });

  describe('a reset of the stream before the response', () => {
    // As the real Envoy tells and counts them.
    for (const [name, code, flag, reset, counter] of [
      ['NO_ERROR', 'remote_reset', 'UR', 'remote_reset', undefined],
      ['PROTOCOL_ERROR', 'protocol_error', 'UPE', 'protocol_error', 'upstream_rq_tx_reset'],
      ['INTERNAL_ERROR', 'remote_reset', 'UR', 'remote_reset', undefined],
      ['REFUSED_STREAM', 'remote_reset', 'UR', 'remote_refused_stream_reset', null],
      ['CANCEL', 'remote_reset', 'UR', 'remote_reset', undefined],
      ['CONNECT_ERROR', 'remote_reset', 'UR', 'remote_error_with_CONNECT_request', null],
      ['ENHANCE_YOUR_CALM', 'remote_reset', 'UR', 'remote_reset', undefined],
      ['HTTP_1_1_REQUIRED', 'remote_reset', 'UR', 'remote_reset', undefined],
    ] as const) {
      it(`with ${name} → ${flag} ${reset}`, async () => {
        await open();
        server.onRequest = (stream) => server.send(rstStream(stream, constants[`NGHTTP2_${name}`]));
        const heard = ask();
        await heard.over;
        const { error } = heard;
        assert.ok(isMeshError(error));
        assert.deepEqual([error.code, error.flag], [code, flag]);
        assert.equal(error.details, `upstream_reset_before_response_started{${reset}}`);
        assert.equal(error.unprocessed, name === 'REFUSED_STREAM');
        assert.equal(error.counter, counter);
        assert.deepEqual(owner.told, ['free']);
      });
    }
  });

  // Node ends a stream that was reset with NO_ERROR as if its response were complete.
  for (const name of ['NO_ERROR', 'CANCEL', 'INTERNAL_ERROR'] as const) {
    it(`a reset with ${name} within the response is no end of it`, async () => {
      await open();
      server.onRequest = (stream) =>
        server.send(
          headers(stream, [':status', '200']),
          data(stream, 'half'),
          rstStream(stream, constants[`NGHTTP2_${name}`]),
        );
      const heard = ask();
      await heard.over;
      assert.deepEqual(heard.said, ['sending', 'sent', '200', 'data', 'error remote_reset UR']);
      assert.ok(isMeshError(heard.error));
      assert.equal(heard.error.details, 'upstream_reset_after_response_started{remote_reset}');
    });
  }

  it('a reset with NO_ERROR after the whole response ends a request that was still being sent', async () => {
    await open();
    server.onRequest = (stream) =>
      server.send(headers(stream, [':status', '200']), data(stream, 'ok', END_STREAM), rstStream(stream, 0));
    async function* source(): AsyncGenerator<Buffer> {
      yield Buffer.from('x');
      await new Promise(() => {});
    }
    const heard = ask({ method: 'POST', body: new StreamBody(source()) });
    await heard.over;
    assert.deepEqual(heard.said, ['sending', '200', 'data', 'end']);
    assert.deepEqual(owner.told, ['free']);
  });

  describe('what is no HTTP', () => {
    for (const [what, answer] of [
      ['a name in upper case', [headers(1, [':status', '200', 'X-Upper', '1'], END_STREAM)]],
      ['no status', [headers(1, ['x', '1'], END_STREAM)]],
      ['two statuses', [headers(1, [':status', '200', ':status', '200'], END_STREAM)]],
      ['a status after a header', [headers(1, ['x', '1', ':status', '200'], END_STREAM)]],
      ['a header of an HTTP/1 connection', [headers(1, [':status', '200', 'connection', 'close'], END_STREAM)]],
      ['a status of 101', [headers(1, [':status', '101'])]],
      ['a 103 that ends the stream', [headers(1, [':status', '103'], END_STREAM)]],
      [
        'less than content-length says',
        [headers(1, [':status', '200', 'content-length', '3']), data(1, 'ok', END_STREAM)],
      ],
      [
        'more than content-length says',
        [headers(1, [':status', '200', 'content-length', '1']), data(1, 'ok', END_STREAM)],
      ],
      ['data before headers', [data(1, 'ok', END_STREAM)]],
      ['trailers that do not end the stream', [headers(1, [':status', '200']), headers(1, ['x', '1'])]],
      ['a status in trailers', [headers(1, [':status', '200']), headers(1, [':status', '500'], END_STREAM)]],
      ['a stream that nobody opened', [headers(7, [':status', '200'], END_STREAM)]],
      ['a push', [frame(FRAME.pushPromise, 4, 1, Buffer.from([0, 0, 0, 2, 0x82]))]],
      [
        'a block that is not compressed as it says',
        [frame(FRAME.headers, 5, 1, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]))],
      ],
      ['a frame larger than allowed', [frame(FRAME.data, 0, 1, Buffer.alloc(20_000))]],
      ['SETTINGS of a wrong length', [frame(FRAME.settings, 0, 0, Buffer.alloc(5))]],
      ['a window that overflows', [frame(FRAME.windowUpdate, 0, 0, Buffer.from([0x7f, 0xff, 0xff, 0xff]))]],
      ['HTTP/1', [Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')]],
    ] as const) {
      it(`${what} → UPE`, async () => {
        await open();
        server.onRequest = () => server.send(...answer);
        const heard = ask();
        await heard.over;
        assert.equal(heard.said.at(-1), 'error protocol_error UPE', heard.error?.message);
      });
    }
  });

  it('HEAD answered with a body is broken HTTP', async () => {
    await open();
    server.onRequest = () =>
      server.send(headers(1, [':status', '200', 'content-length', '2']), data(1, 'ok', END_STREAM));
    const heard = ask({ method: 'HEAD' });
    await heard.over;
    assert.equal(heard.said.at(-1), 'error protocol_error UPE');
  });

  describe('GOAWAY', () => {
    for (const code of [0, CALM]) {
      it(`with code ${code}: the calls above its last stream go elsewhere, those below go on`, async () => {
        await served();
        const calls = [ask(), ask(), ask()];
        await arrived(4);
        server.send(goaway(5, code));
        await owner.until('unsent');
        assert.deepEqual(owner.told, ['draining', 'unsent']);
        assert.equal(owner.unsent[0]?.handler, calls[2]);
        assert.deepEqual(calls[2]?.said, ['sending', 'sent']);
        assert.equal(owner.unsent[0]?.call.controller.holder, null);
        for (const stream of [3, 5]) server.send(headers(stream, [':status', '200']), data(stream, 'ok', END_STREAM));
        await Promise.all([calls[0]?.over, calls[1]?.over]);
        assert.deepEqual(calls[1]?.said, ['sending', 'sent', '200', 'data', 'end']);
        await owner.until('closed');
        assert.deepEqual(owner.told, ['draining', 'unsent', 'closed']);
      });
    }

    it('in two steps, as servers that shut down in peace send it', async () => {
      await served();
      const calls = [ask(), ask()];
      await arrived(3);
      server.send(goaway(2 ** 31 - 1, 0));
      await owner.until('draining');
      assert.deepEqual(owner.told, ['draining']);
      server.send(goaway(3, 0));
      await owner.until('unsent');
      assert.equal(owner.unsent[0]?.handler, calls[1]);
      server.send(headers(3, [':status', '204'], END_STREAM));
      await calls[0]?.over;
      assert.equal(calls[0]?.said.at(-1), 'end');
    });

    it('of a server that goes away from every connection is met once by a call', async () => {
      const call = callTo();
      const first = new Heard();
      await open();
      connection.dispatch(call, first);
      await arrived(1);
      server.send(goaway(0, 0));
      await owner.until('unsent');
      await server.close();
      connection.destroy(new Error('the next one'));
      await open();
      const second = new Heard();
      connection.dispatch(call, second);
      await arrived(1);
      server.send(goaway(0, 0));
      await second.over;
      assert.equal(second.said.at(-1), 'error remote_reset UR');
      assert.ok(isMeshError(second.error) && second.error.unprocessed);
    });

    it('an idle connection closes at it', async () => {
      await served();
      server.send(goaway(1, 0));
      await owner.until('closed');
      assert.deepEqual(owner.told, ['draining', 'closed']);
    });
  });

  describe('SETTINGS', () => {
    it('tell how many calls at once the server takes; the lesser of both counts', async () => {
      await open({ greeting: settings([MAX_CONCURRENT_STREAMS, 7]) });
      assert.equal(connection.maxConcurrent, 1024);
      await owner.until('limit 7');
      assert.equal(connection.maxConcurrent, 7);
      server.send(settings([MAX_CONCURRENT_STREAMS, 5_000]));
      await owner.until('limit 1024');
      assert.equal(connection.maxConcurrent, 1024);
      assert.deepEqual(owner.told, ['limit 7', 'limit 1024']);
    });

    it('that came too late for calls which the server refuses give those another turn', async () => {
      await open({ greeting: Buffer.alloc(0) });
      const calls = [ask(), ask()];
      await arrived(2);
      server.send(settings([MAX_CONCURRENT_STREAMS, 1]), rstStream(3, REFUSED));
      await owner.until('unsent');
      assert.equal(owner.unsent[0]?.handler, calls[1]);
      assert.deepEqual(owner.told, ['limit 1', 'free', 'unsent']);
      server.send(headers(1, [':status', '204'], END_STREAM));
      await calls[0]?.over;
      // Refused again, it is the server's word.
      const again = ask();
      await arrived(3);
      server.send(rstStream(5, REFUSED));
      await again.over;
      assert.equal(again.said.at(-1), 'error remote_reset UR');
    });
  });

  describe('the end of the connection', () => {
    for (const reset of [false, true]) {
      it(`${reset ? 'by a reset' : 'by its server'} ends its calls with UC`, async () => {
        await open();
        const before = ask();
        const within = ask({ method: 'POST', body: new BytesBody(Buffer.from('x')) });
        await arrived(2);
        server.send(headers(3, [':status', '200']), data(3, 'half'));
        await within.until('data');
        server.hangUp(reset);
        await Promise.all([before.over, within.over]);
        assert.equal(before.said.at(-1), 'error connection_termination UC');
        assert.equal(within.said.at(-1), 'error connection_termination UC');
        assert.ok(isMeshError(within.error));
        assert.equal(within.error.details, 'upstream_reset_after_response_started{connection_termination}');
        assert.equal(within.error.counter, 'upstream_rq_pending_failure_eject');
        await owner.until('closed');
        assert.equal(owner.told.filter((one) => one === 'closed').length, 1);
      });
    }

    it('found by a call gives it back unsent, where the connection had served before', async () => {
      await served();
      server.hangUp();
      await owner.until('closed');
      const heard = ask();
      assert.deepEqual(heard.said, []);
      assert.equal(owner.unsent[0]?.handler, heard);
    });
  });
});
