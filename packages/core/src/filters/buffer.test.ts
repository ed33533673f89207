import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { BytesBody, StreamBody } from '../body.ts';
import { FilterScene } from '../testing/filter-scene.ts';
import { buffer } from './buffer.ts';

const streamed = (...chunks: string[]) =>
  new StreamBody(
    (async function* () {
      for (const chunk of chunks) {
        await turn();
        yield Buffer.from(chunk);
      }
    })(),
  );

describe('buffer', () => {
  it('reads a streamed request as a whole before it goes on', async () => {
    const { send, inner } = new FilterScene(buffer, { maxRequestBytes: 6 });
    const { call } = send({ method: 'POST', body: streamed('abc', 'def') });
    assert.equal(inner.count, 0);
    while (inner.count === 0) await turn();
    assert.equal(Buffer.from(call.body?.bytes ?? []).toString(), 'abcdef');
  });

  it('answers 413 to what is too large, as soon as that is known', async () => {
    const { send, inner } = new FilterScene(buffer, { maxRequestBytes: 2 });
    const known = send({ body: new BytesBody(Buffer.from('abc')) });
    assert.deepEqual([known.caller.status, known.caller.body], [413, 'Payload Too Large']);
    const { caller, call } = send({ body: streamed('ab', 'c') });
    while (caller.endings === 0) await turn();
    assert.deepEqual([caller.status, call.failure?.code, inner.count], [413, 'request_too_large', 0]);
  });

  it('lets what is in memory, and what is empty, go on at once', () => {
    const { send, inner } = new FilterScene(buffer, { maxRequestBytes: 3 });
    send({ body: new BytesBody(Buffer.from('abc')) });
    send();
    assert.equal(inner.count, 2);
  });

  it('is another for a route, or none', () => {
    const body = () => new BytesBody(Buffer.from('abcd'));
    const more = new FilterScene(buffer, { maxRequestBytes: 1 }, { override: { maxRequestBytes: 4 } });
    assert.equal(more.ask({ body: body() }).caller.status, 200);
    const none = new FilterScene(buffer, { maxRequestBytes: 1 }, { override: 'disabled' as const });
    assert.equal(none.ask({ body: body() }).caller.status, 200);
  });
});
