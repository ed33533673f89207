import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { BytesBody, StreamBody } from './body.ts';
import { Headers } from './headers.ts';

const chunk = (text: string) => Buffer.from(text);

/** A caller's stream that gives a chunk when the test says so, and notes what is asked of it. */
class Source implements AsyncIterable<Uint8Array>, AsyncIterator<Uint8Array> {
  asked = 0;
  returned = 0;
  #waiting: PromiseWithResolvers<IteratorResult<Uint8Array>>[] = [];

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Uint8Array>> {
    this.asked++;
    const waiting = Promise.withResolvers<IteratorResult<Uint8Array>>();
    this.#waiting.push(waiting);
    return waiting.promise;
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.returned++;
    return { value: undefined, done: true };
  }

  give(text: string): void {
    this.#take().resolve({ value: chunk(text), done: false });
  }

  end(): void {
    this.#take().resolve({ value: undefined, done: true });
  }

  fail(error: unknown): void {
    this.#take().reject(error);
  }

  #take(): PromiseWithResolvers<IteratorResult<Uint8Array>> {
    const waiting = this.#waiting.shift();
    assert.ok(waiting, 'nobody asked');
    return waiting;
  }
}

async function all(body: AsyncIterable<Uint8Array>): Promise<string> {
  let text = '';
  for await (const part of body) text += Buffer.from(part).toString();
  return text;
}

async function* letters(text: string): AsyncGenerator<Uint8Array> {
  for (const letter of text) yield chunk(letter);
}

describe('bytes body', () => {
  it('gives every attempt the whole, and its trailers', async () => {
    const body = new BytesBody(chunk('hello'), Headers.from(['x-end', '1']));
    assert.equal(body.length, 5);
    assert.equal(body.replayable, true);
    assert.equal(await all(body.open()), 'hello');
    body.commit();
    body.cancel();
    const reader = body.open();
    assert.equal(await all(reader), 'hello');
    assert.deepEqual(reader.trailers()?.flat(), ['x-end', '1']);
  });

  it('is empty without a chunk', async () => {
    const chunks = [];
    for await (const part of new BytesBody(new Uint8Array()).open()) chunks.push(part);
    assert.deepEqual(chunks, []);
  });
});

describe('stream body', () => {
  it('gives each attempt all of it, one after the other and side by side', async () => {
    const body = new StreamBody(letters('abcdef'), { length: 6 });
    assert.equal(body.length, 6);
    assert.equal(await all(body.open()), 'abcdef');
    assert.equal(await all(body.open()), 'abcdef');
    const other = new StreamBody(letters('abcdef'));
    assert.deepEqual(await Promise.all([all(other.open()), all(other.open())]), ['abcdef', 'abcdef']);
    assert.equal(other.length, null);
  });

  it('takes what is not asynchronous', async () => {
    const body = new StreamBody([chunk('ab'), chunk('c')]);
    assert.equal(await all(body.open()), 'abc');
    assert.equal(await all(body.open()), 'abc');
  });

  it('asks the source for no more than is read: a slow connection slows the caller', async () => {
    const source = new Source();
    const body = new StreamBody(source);
    const reader = body.open()[Symbol.asyncIterator]();
    await turn();
    assert.equal(source.asked, 0);
    const first = reader.next();
    await turn();
    assert.equal(source.asked, 1);
    source.give('a');
    assert.deepEqual(await first, { value: chunk('a'), done: false });
    await turn();
    assert.equal(source.asked, 1);
    // A second attempt lives on what is there before it asks for more.
    const second = body.open()[Symbol.asyncIterator]();
    assert.deepEqual(await second.next(), { value: chunk('a'), done: false });
    assert.equal(source.asked, 1);
    const [one, two] = [reader.next(), second.next()];
    await turn();
    assert.equal(source.asked, 2);
    source.give('b');
    assert.deepEqual([(await one).value, (await two).value], [chunk('b'), chunk('b')]);
  });

  it('within the bound is replayable, beyond it is sent on in bounded memory', async () => {
    let alive = 0;
    const registry = new Set<WeakRef<Uint8Array>>();
    const body = new StreamBody(
      (async function* () {
        for (let i = 0; i < 100; i++) {
          const part = Buffer.alloc(10, i);
          registry.add(new WeakRef(part));
          alive++;
          yield part;
        }
      })(),
      { replayLimit: 25 },
    );
    const reader = body.open()[Symbol.asyncIterator]();
    await reader.next();
    await reader.next();
    assert.equal(body.replayable, true);
    await reader.next();
    assert.equal(body.replayable, false);
    assert.throws(() => body.open(), /cannot be sent again/);
    let count = 3;
    for (;;) {
      const { done, value } = await reader.next();
      if (done) break;
      assert.equal((value as Buffer)[0], count++);
    }
    assert.equal(count, 100);
    assert.equal(alive, 100);
  });

  it('counts the bound in bytes: what is exactly as large is kept', async () => {
    const body = new StreamBody([chunk('ab'), chunk('cd')], { replayLimit: 4 });
    await all(body.open());
    assert.equal(body.replayable, true);
    assert.equal(await all(body.open()), 'abcd');
  });

  it('commit lets go of what was read, and the reader goes on', async () => {
    const body = new StreamBody(letters('abc'));
    const reader = body.open()[Symbol.asyncIterator]();
    await reader.next();
    body.commit();
    assert.equal(body.replayable, false);
    assert.throws(() => body.open(), /cannot be sent again/);
    assert.deepEqual((await reader.next()).value, chunk('b'));
    assert.deepEqual((await reader.next()).value, chunk('c'));
    assert.equal((await reader.next()).done, true);
  });

  it('an attempt that stops early leaves the stream to the next one', async () => {
    const source = new Source();
    const body = new StreamBody(source);
    for await (const part of (() => {
      const reader = body.open();
      setImmediate(() => source.give('a'));
      return reader;
    })()) {
      assert.deepEqual(part, chunk('a'));
      break;
    }
    assert.equal(source.returned, 0);
    const rest = all(body.open());
    await turn();
    source.give('b');
    await turn();
    source.end();
    assert.equal(await rest, 'ab');
  });

  it('an attempt that was given up while it waited takes nothing from the next one', async () => {
    const source = new Source();
    const body = new StreamBody(source, { replayLimit: 2 });
    const first = body.open()[Symbol.asyncIterator]();
    const one = first.next();
    source.give('ab');
    await one;
    const late = first.next();
    // The connection broke here; the second attempt starts from the beginning.
    const second = body.open()[Symbol.asyncIterator]();
    source.give('cd');
    assert.deepEqual((await late).value, chunk('cd'));
    assert.equal(body.replayable, false);
    await first.return?.();
    assert.deepEqual((await second.next()).value, chunk('ab'));
    assert.deepEqual((await second.next()).value, chunk('cd'));
    const end = second.next();
    await turn();
    source.end();
    assert.equal((await end).done, true);
  });

  it('a reader that fell behind further than the bound fails rather than skip a part', async () => {
    const body = new StreamBody(letters('abcdefgh'), { replayLimit: 2 });
    const slow = body.open()[Symbol.asyncIterator]();
    assert.deepEqual((await slow.next()).value, chunk('a'));
    assert.equal(await all(body.open()), 'abcdefgh');
    await assert.rejects(async () => slow.next(), /cannot be sent again/);
  });

  it('gives the trailers after the end, and not before', async () => {
    const body = new StreamBody(letters('ab'), { trailers: () => Headers.from(['x-sum', '2']) });
    const reader = body.open();
    assert.equal(reader.trailers(), null);
    await all(reader);
    assert.deepEqual(reader.trailers()?.flat(), ['x-sum', '2']);
    const without = new StreamBody(letters('')).open();
    await all(without);
    assert.equal(without.trailers(), null);
  });

  it('a failure of the source reaches every reader, and no further attempt is made', async () => {
    const source = new Source();
    const body = new StreamBody(source);
    const reader = body.open()[Symbol.asyncIterator]();
    const first = reader.next();
    await turn();
    source.give('a');
    await first;
    const second = reader.next();
    await turn();
    source.fail(new Error('disk'));
    await assert.rejects(second, /disk/);
    assert.equal(body.replayable, false);
    assert.equal(body.failure?.message, 'disk');
    await assert.rejects(async () => reader.next(), /disk/);
    body.cancel(new Error('too late'));
    assert.equal(source.returned, 0);
  });

  it('a failure that is no error becomes one', async () => {
    const source = new Source();
    const body = new StreamBody(source);
    const read = all(body.open());
    await turn();
    source.fail('just text');
    await assert.rejects(
      read,
      (error: Error) => error.message === 'the request body failed' && error.cause === 'just text',
    );
  });

  it('a failure that nobody waits for is no unhandled rejection', async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', note);
    try {
      const source = new Source();
      const body = new StreamBody(source);
      const reader = body.open()[Symbol.asyncIterator]();
      reader.next().catch(() => {});
      await turn();
      body.cancel(new Error('over'));
      source.fail(new Error('disk'));
      await turn();
      await turn();
      assert.deepEqual(unhandled, []);
    } finally {
      process.off('unhandledRejection', note);
    }
  });

  it('cancel ends the source and whoever waits for it, also where it never says anything again', async () => {
    const source = new Source();
    const body = new StreamBody(source);
    const waiting = body.open()[Symbol.asyncIterator]().next();
    await turn();
    body.cancel(new Error('the call is over'));
    body.cancel(new Error('twice'));
    await assert.rejects(waiting, /the call is over/);
    assert.equal(source.returned, 1);
    assert.equal(body.replayable, false);
    assert.equal(body.failure, null);
    source.give('late');
    await turn();
    await assert.rejects(all(body.open()), /the call is over/);
  });

  it('cancel before the first read, after the end, and of a source that objects', async () => {
    const untouched = new Source();
    new StreamBody(untouched).cancel(new Error('over'));
    assert.equal(untouched.returned, 1);
    assert.equal(untouched.asked, 0);

    const done = new StreamBody(letters('ab'));
    await all(done.open());
    done.cancel(new Error('over'));
    assert.equal(await all(done.open()), 'ab');

    const stubborn: Iterable<Uint8Array> = {
      [Symbol.iterator]: () => ({
        next: () => ({ value: chunk('a'), done: false }),
        return: () => {
          throw new Error('no');
        },
      }),
    };
    new StreamBody(stubborn).cancel(new Error('over'));
    await turn();

    let closed = false;
    const generator = (async function* () {
      try {
        yield chunk('a');
        yield chunk('b');
      } finally {
        closed = true;
      }
    })();
    const opened = new StreamBody(generator);
    await opened.open()[Symbol.asyncIterator]().next();
    opened.cancel(new Error('over'));
    await turn();
    assert.equal(closed, true);
  });
});
