import assert from 'node:assert/strict';
import { frameHeader, MessageReader } from './framing.ts';

function frame(message: Uint8Array): Buffer {
  return Buffer.concat([frameHeader(message.byteLength), message]);
}

function readAll(reader: MessageReader): string[] {
  const messages: string[] = [];
  for (;;) {
    const next = reader.next();
    if (next === null) return messages;
    messages.push(next instanceof Uint8Array ? Buffer.from(next).toString() : `status ${next.code}: ${next.message}`);
  }
}

describe('gRPC message framing', () => {
  const words = ['one', '', 'three', 'x'.repeat(1000)];
  const wire = Buffer.concat(words.map((word) => frame(Buffer.from(word))));

  it('joins and splits messages whatever the size of the chunks', () => {
    for (const size of [1, 2, 4, 5, 6, 7, 13, 500, wire.length]) {
      const reader = new MessageReader(Number.POSITIVE_INFINITY);
      const messages: string[] = [];
      for (let at = 0; at < wire.length; at += size) {
        reader.push(wire.subarray(at, at + size));
        messages.push(...readAll(reader));
      }
      assert.deepEqual(messages, words, `chunks of ${size}`);
      assert.equal(reader.atBoundary, true);
    }
  });

  it('hands out a message inside one chunk without a copy', () => {
    const reader = new MessageReader(Number.POSITIVE_INFINITY);
    const chunk = frame(Buffer.from('view'));
    reader.push(chunk);
    assert.equal((reader.next() as Uint8Array).buffer, chunk.buffer);
  });

  it('knows that a stream may not end within a header or a message', () => {
    const reader = new MessageReader(Number.POSITIVE_INFINITY);
    reader.push(wire.subarray(0, 3));
    assert.equal(reader.next(), null);
    assert.equal(reader.atBoundary, false);
    reader.push(wire.subarray(3, 7));
    assert.equal(reader.next(), null);
    assert.equal(reader.atBoundary, false);
  });

  it('refuses a message that is longer than allowed, on its header', () => {
    const reader = new MessageReader(10);
    reader.push(frameHeader(11));
    assert.match(readAllOnce(reader), /^status 8: .*11 bytes.*maxReceiveBytes/);
  });

  it('refuses compression and bytes that are no frame', () => {
    const compressed = new MessageReader(10);
    compressed.push(Buffer.from([1, 0, 0, 0, 1, 7]));
    assert.match(readAllOnce(compressed), /^status 13: .*compressed/);
    const garbage = new MessageReader(10);
    garbage.push(Buffer.from('HTTP/1.1 400 Bad Request'));
    assert.match(readAllOnce(garbage), /^status 13: .*no gRPC message.*byte 72/);
  });

  it('joins 100 MB from small chunks in one go', () => {
    const reader = new MessageReader(Number.POSITIVE_INFINITY);
    const total = 100 * 1024 * 1024;
    const chunk = Buffer.alloc(16 * 1024, 1);
    reader.push(frameHeader(total));
    for (let sent = 0; sent < total; sent += chunk.length) {
      assert.equal(reader.next(), null);
      reader.push(chunk);
    }
    assert.equal((reader.next() as Uint8Array).byteLength, total);
    assert.equal(reader.atBoundary, true);
  });

  function readAllOnce(reader: MessageReader): string {
    const next = reader.next();
    assert.ok(next !== null && !(next instanceof Uint8Array));
    return `status ${next.code}: ${next.message}`;
  }
});
