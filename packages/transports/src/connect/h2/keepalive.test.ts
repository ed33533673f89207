import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { DEFAULT_HTTP2, type Http2Keepalive, isMeshError, VirtualClock } from '@inmesh/core';
import { callTo, clusterOf, endpointAt, Heard, Owner, openSocketTo } from '../../testing/connection-scene.ts';
import { FrameServer } from '../../testing/frame-server.ts';
import { ACK, data, FRAME, headers, settings } from '../../testing/h2-frames.ts';
import { H2Connection } from './connection.ts';

const keepalive: Http2Keepalive = {
  intervalMs: 10_000,
  timeoutMs: 1_000,
  intervalJitterPercent: 20,
  connectionIdleIntervalMs: 0,
};

describe('the age of an HTTP/2 connection', () => {
  let server: FrameServer;
  let clock: VirtualClock;
  let owner: Owner;
  let connection: H2Connection;
  let socket: Socket;

  async function open(options: {
    keepalive?: Http2Keepalive;
    idleTimeoutMs?: number;
    answersPings?: boolean;
  }): Promise<void> {
    server = new FrameServer({ answersPings: options.answersPings ?? true });
    await server.listen();
    clock = new VirtualClock();
    owner = new Owner();
    const http2 = { ...DEFAULT_HTTP2, keepalive: options.keepalive ?? null };
    const config = clusterOf({ idleTimeoutMs: options.idleTimeoutMs ?? 0 }, http2);
    socket = await openSocketTo(server.port);
    connection = new H2Connection(socket, endpointAt(server.port), config, owner, { clock, random: () => 0.5 });
    await roundTrip();
  }

  async function dispatched(): Promise<Heard> {
    const heard = new Heard();
    const count = requests();
    connection.dispatch(callTo(), heard);
    await server.until(() => requests() > count);
    return heard;
  }

  const requests = () => server.frames.filter(({ type }) => type === FRAME.headers).length;
  const talkingStream = () => server.frames.filter(({ type }) => type === FRAME.headers).at(-2)?.stream ?? 0;
  const pings = () => server.frames.filter(({ type, flags }) => type === FRAME.ping && (flags & ACK) === 0).length;

  /** What was sent before has been heard on both sides. */
  async function roundTrip(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      connection.session.settings({}, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  afterEach(async () => {
    connection.destroy(new Error('the test is over'));
    await server.close();
  });

  describe('keepalive', () => {
    it('asks every interval, made longer by chance, as long as there are answers', async () => {
      await open({ keepalive });
      for (let i = 1; i <= 3; i++) {
        clock.advance(10_999);
        await roundTrip();
        assert.equal(pings(), i - 1);
        clock.advance(1);
        await server.until(() => pings() === i);
        await roundTrip();
      }
      assert.deepEqual(owner.told, []);
    });

    it('closes a connection that does not answer, and its calls end with UC', async () => {
      await open({ keepalive, answersPings: false });
      const heard = await dispatched();
      clock.advance(11_000);
      await server.until(() => pings() === 1);
      clock.advance(1_000);
      await heard.over;
      assert.ok(isMeshError(heard.error));
      assert.equal(heard.error.code, 'connection_termination');
      assert.match(heard.error.message, /a PING was not answered within 1000 ms/);
      await owner.until('closed');
      assert.equal(clock.pending, 0);
    });

    it('puts its verdict off as long as anything comes', async () => {
      await open({ keepalive, answersPings: false });
      const heard = await dispatched();
      clock.advance(11_000);
      await server.until(() => pings() === 1);
      server.send(headers(1, [':status', '200']), data(1, 'slow'));
      await heard.until('data');
      clock.advance(1_000);
      assert.deepEqual(owner.told, []);
      clock.advance(1_000);
      await heard.over;
      assert.equal(heard.said.at(-1), 'error connection_termination UC');
    });

    it('that the feed does not ask for is asked once after a call that was given up in silence', async () => {
      await open({ answersPings: false });
      const heard = new Heard();
      const call = callTo();
      connection.dispatch(call, heard);
      await server.until(() => requests() === 1);
      const other = await dispatched();
      assert.equal(pings(), 0);
      call.controller.interrupt(new Error('timeout'));
      await server.until(() => pings() === 1);
      clock.advance(4_999);
      assert.deepEqual(owner.told, ['free']);
      clock.advance(1);
      await other.over;
      assert.equal(other.said.at(-1), 'error connection_termination UC');
    });

    it('and not again for five minutes where it was answered, nor where anything had been heard', async () => {
      await open({});
      const giveUp = async (): Promise<void> => {
        const call = callTo();
        const count = requests();
        connection.dispatch(call, new Heard());
        await server.until(() => requests() > count);
        call.controller.interrupt(new Error('timeout'));
        await roundTrip();
      };
      await giveUp();
      assert.equal(pings(), 1);
      clock.advance(299_999);
      await giveUp();
      assert.equal(pings(), 1);
      clock.advance(1);
      const talking = await dispatched();
      const call = callTo();
      connection.dispatch(call, new Heard());
      await roundTrip();
      server.send(headers(talkingStream(), [':status', '200']));
      await talking.until('200');
      call.controller.interrupt(new Error('timeout'));
      await roundTrip();
      assert.equal(pings(), 1);
      await giveUp();
      assert.equal(pings(), 2);
    });

    it('asks ahead of a call where nothing was heard for long', async () => {
      await open({ keepalive: { ...keepalive, intervalMs: 0, connectionIdleIntervalMs: 5_000 } });
      await dispatched();
      clock.advance(5_000);
      await dispatched();
      assert.equal(pings(), 0);
      clock.advance(1);
      await dispatched();
      assert.equal(pings(), 1);
      const at = server.frames.findIndex(({ type }) => type === FRAME.ping);
      assert.ok(at < server.frames.findLastIndex(({ type }) => type === FRAME.headers));
    });
  });

  it('that is closed does not wait for a server that has stopped: its socket is cut', async () => {
    await open({});
    server.freeze();
    connection.close();
    assert.deepEqual(owner.told, ['closed']);
    clock.advance(1_000);
    assert.ok(socket.destroyed);
  });

  it('that is closed leaves no timer behind', async () => {
    await open({ keepalive });
    server.send(settings());
    connection.destroy(new Error('closing'));
    await owner.until('closed');
    assert.equal(clock.pending, 0);
  });
});
