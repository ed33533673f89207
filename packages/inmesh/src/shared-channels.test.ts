import assert from 'node:assert/strict';
import type { MessageStream, StreamHandlers, StreamTransport } from '@inmesh/core';
import { SharedChannels } from './shared-channels.ts';

/** A connection that notes how often it was closed. */
class FakeChannel implements StreamTransport {
  closed = 0;
  readonly handlers: StreamHandlers[] = [];

  open(_path: string, _metadata: Readonly<Record<string, string>>, handlers: StreamHandlers): MessageStream {
    this.handlers.push(handlers);
    return { send() {}, pause() {}, resume() {}, close() {} };
  }
  close(): void {
    this.closed++;
  }
}

const deaf: StreamHandlers = { onMessage() {}, onEnd() {} };

describe('shared channels', () => {
  it('20 are one for equal servers, closed without a stream and opened again with the next', () => {
    const channels = new SharedChannels();
    const made: FakeChannel[] = [];
    const connect = () => {
      made.push(new FakeChannel());
      return made.at(-1) as FakeChannel;
    };
    const [east, west] = [channels.share('a', connect), channels.share('a', connect)];
    const other = channels.share('b', connect);
    assert.equal(made.length, 2);
    const [channel] = made as [FakeChannel];
    const streams = [east.open('/p', {}, deaf), west.open('/p', {}, deaf)];
    streams[0]?.close();
    streams[0]?.close();
    assert.equal(channel.closed, 0);
    streams[1]?.close();
    assert.equal(channel.closed, 1);
    east.open('/p', {}, deaf);
    assert.equal(channel.handlers.length, 3);
    east.close();
    east.close();
    assert.equal(channel.closed, 1);
    west.close();
    assert.equal(channel.closed, 2);
    other.close();
    channels.share('a', connect);
    assert.equal(made.length, 3);
  });

  it('keep the connection when the server ends a stream, for the next one', () => {
    const channel = new FakeChannel();
    const shared = new SharedChannels().share('a', () => channel);
    const heard: number[] = [];
    shared.open('/p', {}, { onMessage() {}, onEnd: ({ code }) => heard.push(code) });
    channel.handlers[0]?.onEnd({ code: 14, message: 'gone' });
    assert.deepEqual(heard, [14]);
    assert.equal(channel.closed, 0);
    shared.open('/p', {}, deaf).close();
    assert.equal(channel.closed, 1);
  });
});
