import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as net from 'node:net';
import { FramedSocket } from './framed-socket.ts';

/** A framed socket and the raw other end. */
async function pair(): Promise<{ framed: FramedSocket; raw: net.Socket; frames: Buffer[]; gone: Promise<void> }> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const raw = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1');
  const [accepted] = (await once(server, 'connection')) as [net.Socket];
  server.close();
  const framed = new FramedSocket(accepted);
  const frames: Buffer[] = [];
  const gone = Promise.withResolvers<void>();
  framed.handlers = { onFrame: (frame) => frames.push(Buffer.from(frame)), onGone: gone.resolve };
  return { framed, raw, frames, gone: gone.promise };
}

function frame(content: string): Buffer {
  const prefix = Buffer.alloc(4);
  prefix.writeUInt32BE(content.length);
  return Buffer.concat([prefix, Buffer.from(content)]);
}

describe('framed socket', () => {
  it('reads frames however they are cut, and empty ones', async () => {
    const { raw, frames, gone } = await pair();
    const contents = ['a', '', 'long'.repeat(40_000), 'b', 'end'];
    const bytes = Buffer.concat(contents.map(frame));
    let at = 0;
    for (const size of [1, 2, 3, 5, 1, 70_000, 1, 89_993, 3, 4]) {
      raw.write(bytes.subarray(at, at + size));
      at += size;
      await new Promise((resolve) => setImmediate(resolve));
    }
    raw.end(bytes.subarray(at));
    await gone;
    assert.deepEqual(frames.map(String), contents);
    raw.destroy();
  });

  it('writes what the other end can read, and ends after what was written', async () => {
    const { framed, raw } = await pair();
    const other = new FramedSocket(raw);
    const heard: string[] = [];
    const gone = Promise.withResolvers<void>();
    other.handlers = { onFrame: (content) => heard.push(Buffer.from(content).toString()), onGone: gone.resolve };
    for (const content of ['one', '', 'three']) framed.send(Buffer.from(content));
    framed.close();
    framed.send(Buffer.from('too late'));
    await gone.promise;
    assert.deepEqual(heard, ['one', '', 'three']);
    assert.equal(other.closed, true);
  });

  it('hangs up on what is no frame of ours', async () => {
    const { raw, frames, gone } = await pair();
    raw.write('GET / HTTP/1.1\r\n\r\n');
    await gone;
    assert.deepEqual(frames, []);
    raw.destroy();
  });
});
