import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { isMeshError, type Mesh, meshErrorOf } from 'inmesh';
import { request } from 'undici';
import { type ServiceOptions, service } from '../support/feed.ts';
import { guardProcess } from '../support/guard-process.ts';
import { Scene, until } from '../support/scene.ts';
import { refusingPort, requestHead, startHttp, startTcp, type Upstream } from '../support/servers.ts';

const MB = 1024 * 1024;

describe('bodies', () => {
  guardProcess();
  const stack: { close(): unknown }[] = [];
  afterEach(async () => {
    for (const started of stack.splice(0).reverse()) await started.close();
  });

  async function meshTo(ports: readonly number[], options: ServiceOptions = {}): Promise<Mesh> {
    const scene = await Scene.start(service('files:9080', ports, options));
    stack.push({ close: () => scene[Symbol.asyncDispose]() });
    return scene.mesh();
  }
  async function app(...[listener]: Parameters<typeof startHttp>): Promise<Upstream> {
    const started = await startHttp(listener);
    stack.push(started);
    return started;
  }
  const send = (mesh: Mesh, body: unknown, more: object = {}) =>
    request('http://files:9080/', { method: 'POST', body: body as Readable, dispatcher: mesh.dispatcher, ...more });

  it('are the same bytes at the other end, large ones both ways', async () => {
    const { port } = await app((request, response) => request.pipe(response));
    const mesh = await meshTo([port]);
    const chunk = randomBytes(MB);
    const sent = createHash('sha256');
    const source = async function* () {
      for (let i = 0; i < 24; i++) {
        sent.update(chunk.subarray(i));
        yield chunk.subarray(i);
      }
    };
    const { body } = await send(mesh, source());
    const received = createHash('sha256');
    for await (const part of body) received.update(part);
    assert.equal(received.digest('hex'), sent.digest('hex'));
    const answer = await mesh.fetch('http://files:9080/', { method: 'POST', body: chunk });
    assert.deepEqual(Buffer.from(await answer.arrayBuffer()), chunk);
  });

  it('are read from the caller only as fast as the endpoint takes them', async () => {
    let incoming: IncomingMessage | null = null;
    const { port } = await app((request, response) => {
      incoming = request;
      request.on('end', () => response.end('all'));
    });
    const mesh = await meshTo([port]);
    const total = 128;
    let pulled = 0;
    const source = async function* () {
      for (; pulled < total; pulled++) yield Buffer.alloc(MB);
    };
    const answer = send(mesh, source());
    await until(() => incoming !== null, 'the request is there');
    // The sockets' buffers take some; then nothing more is asked of the source, however long nobody reads.
    let before = -1;
    while (pulled !== before) {
      before = pulled;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.ok(pulled < total / 4, `${pulled} MB of ${total} MB were read ahead`);
    (incoming as unknown as IncomingMessage).resume();
    assert.equal(await (await answer).body.text(), 'all');
    assert.equal(pulled, total);
  });

  it('are taken from the endpoint only as fast as the caller reads', async () => {
    let written = 0;
    const total = 128;
    const { port } = await app(async (_, response) => {
      for (; written < total; written++) {
        if (!response.write(Buffer.alloc(MB))) await once(response, 'drain');
      }
      response.end();
    });
    const mesh = await meshTo([port]);
    const { body } = await request('http://files:9080/', { dispatcher: mesh.dispatcher });
    await once(body, 'readable');
    let before = -1;
    while (written !== before) {
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.ok(written < total / 4, `${written} MB of ${total} MB were sent ahead`);
    let size = 0;
    for await (const chunk of body) size += chunk.length;
    assert.equal(size, total * MB);
  });

  it('that fail fail their call with their own error, and are not sent again', async () => {
    const { port } = await app((request) => request.resume());
    const mesh = await meshTo([port]);
    const broken = new Error('the disk is broken');
    const generator = async function* () {
      yield 'start';
      throw broken;
    };
    await assert.rejects(send(mesh, generator()), broken);
    const stream = new Readable({ read() {} });
    stream.push('start');
    const sending = send(mesh, stream);
    setImmediate(() => stream.destroy(broken));
    await assert.rejects(sending, broken);
    await assert.rejects(
      send(mesh, Readable.from([{ not: 'bytes' }])),
      (error: Error) => error instanceof TypeError && /must be a string or a Uint8Array/.test(error.message),
    );
    await assert.rejects(
      mesh.fetch('http://files:9080/', {
        method: 'POST',
        body: new ReadableStream({ pull: (controller) => controller.error(broken) }),
        duplex: 'half',
      } as RequestInit),
    );
    assert.equal(mesh.statistics().clusters['files:9080']?.upstream_rq_retry, 0);
    assert.equal(mesh.statistics().mesh.downstream_rq_active, 0);
  });

  it('that fail while their call is held do no harm to the process', async () => {
    const scene = await Scene.start();
    stack.push({ close: () => scene[Symbol.asyncDispose]() });
    const mesh = await scene.mesh();
    const stream = new Readable({ read() {} });
    const sending = send(mesh, stream);
    await until(() => mesh.statistics().mesh.downstream_rq_active === 1, 'the call is held');
    stream.destroy(new Error('gone'));
    await assert.rejects(sending, /gone/);
    assert.equal(mesh.statistics().mesh.downstream_rq_active, 0);
  });

  it('are let go of when the caller aborts, also while nothing comes from them', async () => {
    let closed = 0;
    const { port } = await app((request) => request.resume().on('close', () => closed++));
    const mesh = await meshTo([port]);
    const stuck = new Readable({ read() {} });
    stuck.push('start');
    let cancelled: unknown = null;
    const web = new ReadableStream({
      start: (controller) => controller.enqueue(Buffer.from('start')),
      cancel: (reason) => {
        cancelled = reason ?? 'cancelled';
      },
    });
    for (const body of [stuck, web]) {
      const abort = new AbortController();
      const sending = send(mesh, body, { signal: abort.signal });
      const { open } = stack.at(0) as Upstream;
      await until(() => open.size === 1, 'it is being sent');
      abort.abort(new Error('enough'));
      await assert.rejects(sending, /enough/);
      await until(() => open.size === 0, 'the connection is closed');
    }
    assert.equal(stuck.destroyed, true);
    await until(() => cancelled !== null, 'the stream is cancelled');
    assert.equal(closed, 2);
  });

  it('are let go of when the endpoint answers before their end', async () => {
    const { port } = await app((_, response) => response.writeHead(413).end('too much'));
    const mesh = await meshTo([port]);
    const stuck = new Readable({ read() {} });
    stuck.push('start');
    const early = await send(mesh, stuck);
    assert.equal(early.statusCode, 413);
    assert.equal(await early.body.text(), 'too much');
    await finished(stuck).catch(() => {});
    assert.equal(stuck.destroyed, true);
    const next = await send(mesh, 'short');
    assert.equal(next.statusCode, 413);
    await next.body.dump();
  });

  it('are let go of when the mesh answers by itself', async () => {
    const mesh = await meshTo([]);
    const stream = new Readable({ read() {} });
    const answer = await send(mesh, stream);
    assert.equal(answer.statusCode, 503);
    assert.equal(await answer.body.text(), 'no healthy upstream');
    assert.equal(stream.destroyed, true);
    stream.emit('error', new Error('late'));
  });

  it('are sent again whole to another host where the first refuses the connection', async () => {
    const received: string[] = [];
    const { port } = await app(async (request, response) => {
      received.push(await new Response(Readable.toWeb(request) as ReadableStream).text());
      response.end();
    });
    const mesh = await meshTo([await refusingPort(), port]);
    for (let i = 0; i < 4; i++) {
      const { statusCode, body } = await send(mesh, Readable.from(['one ', 'two ', `three ${i}`]));
      assert.equal(statusCode, 200);
      await body.dump();
    }
    assert.deepEqual(received, ['one two three 0', 'one two three 1', 'one two three 2', 'one two three 3']);
    assert.ok((mesh.statistics().clusters['files:9080']?.upstream_rq_retry ?? 0) > 0);
  });

  it('are not sent again once more of them is gone than is kept', async () => {
    let asked = 0;
    const resetting = await startTcp(async (socket) => {
      await requestHead(socket);
      asked++;
      // Takes more than what is kept for another attempt, and hangs up.
      let size = 0;
      socket.on('data', (chunk) => {
        size += chunk.length;
        if (size > 3 * MB) socket.resetAndDestroy();
      });
    });
    stack.push(resetting);
    const mesh = await meshTo([resetting.port], {
      route: { retry_policy: { retry_on: 'reset', num_retries: 3 } },
    });
    const source = async function* () {
      for (let i = 0; i < 64; i++) yield Buffer.alloc(MB / 4);
    };
    const answer = await send(mesh, source(), { method: 'PUT' });
    assert.equal(answer.statusCode, 503);
    assert.equal(meshErrorOf(answer)?.flag, 'UC');
    await answer.body.dump();
    assert.equal(asked, 1);
  });

  it('of a length that is not the announced one are the caller’s mistake', async () => {
    const { port } = await app();
    const mesh = await meshTo([port]);
    const answer = await send(mesh, 'four', { headers: { 'content-length': '5' } });
    assert.equal(answer.statusCode, 400);
    assert.equal(isMeshError(meshErrorOf(answer)), true);
    await answer.body.dump();
  });

  it('are sent to who would have them asked for first: in process there is nothing to wait for', async () => {
    const { port } = await app();
    const mesh = await meshTo([port]);
    const expecting = await send(mesh, 'four', { headers: { expect: '100-continue' } });
    assert.equal(expecting.statusCode, 200);
    await expecting.body.dump();
  });
});
