import assert from 'node:assert/strict';
import { once } from 'node:events';
import { isMeshError, type Mesh, meshErrorOf } from 'inmesh';
import { request } from 'undici';
import { type ServiceOptions, service } from '../support/feed.ts';
import { guardProcess } from '../support/guard-process.ts';
import { Scene, until } from '../support/scene.ts';
import { refusingPort, requestHead, startHttp, startTcp } from '../support/servers.ts';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

describe('an endpoint that', () => {
  guardProcess();
  const stack: { close(): unknown }[] = [];
  afterEach(async () => {
    for (const started of stack.splice(0).reverse()) await started.close();
  });

  async function meshTo(ports: readonly number[], options: ServiceOptions = {}, failAs?: 'error'): Promise<Mesh> {
    const scene = await Scene.start(service('app:9080', ports, options));
    stack.push({ close: () => scene[Symbol.asyncDispose]() });
    return scene.mesh(failAs === undefined ? {} : { failAs });
  }
  async function tcp(...args: Parameters<typeof startTcp>) {
    const started = await startTcp(...args);
    stack.push(started);
    return started;
  }
  async function http(...[listener]: Parameters<typeof startHttp>) {
    const started = await startHttp(listener);
    stack.push(started);
    return started;
  }
  const call = (mesh: Mesh, options: object = {}) =>
    request('http://app:9080/', { dispatcher: mesh.dispatcher, ...options });

  /** What a sidecar's caller would see, and the flag in its log. */
  async function outcome(mesh: Mesh, options: object = {}): Promise<string> {
    const answer = await call(mesh, options);
    const flag = meshErrorOf(answer)?.flag ?? '-';
    return `${answer.statusCode} ${flag} ${await answer.body.text()}`;
  }

  it('refuses connections: 503 UF in Envoy’s words, every method tried on the others', async () => {
    const refusing = await refusingPort();
    const alone = await meshTo([refusing]);
    assert.match(
      await outcome(alone),
      /^503 UF upstream connect error or disconnect\/reset before headers\. .*reset reason: remote connection failure/,
    );
    const { port } = await http();
    const mesh = await meshTo([refusing, port]);
    for (const method of ['GET', 'POST', 'PUT', 'POST']) {
      assert.equal(await outcome(mesh, { method }), `200 - ${port}`);
    }
    const stats = mesh.statistics().endpoints['app:9080'];
    assert.ok((stats?.[`127.0.0.1:${refusing}`]?.cx_connect_fail ?? 0) > 0);
  });

  it('is told as an error where the mesh is asked for errors', async () => {
    const mesh = await meshTo([await refusingPort()], {}, 'error');
    await assert.rejects(call(mesh), (error) => {
      assert.ok(isMeshError(error));
      assert.equal(error.code, 'connection_failure');
      assert.equal(error.place.cluster, 'app:9080');
      assert.match(error.message, /127\.0\.0\.1:\d+/);
      return true;
    });
    await assert.rejects(mesh.fetch('http://app:9080/'), ({ cause }: Error) => isMeshError(cause));
  });

  it('hangs: 504 UT after the route’s timeout, the connection closed', async () => {
    const silent = await http(() => {});
    const mesh = await meshTo([silent.port], { route: { timeout: '0.1s' } });
    assert.equal(await outcome(mesh), '504 UT upstream request timeout');
    await until(() => silent.open.size === 0, 'its connection is closed');
    assert.equal(mesh.statistics().clusters['app:9080']?.upstream_rq_timeout, 1);
    assert.equal(await outcome(mesh, { method: 'POST', body: 'x' }), '504 UT upstream request timeout');
  });

  it('hangs in the middle of its answer: a stream error of the mesh, and no second answer', async () => {
    const { port } = await http((_, response) => {
      response.writeHead(200).write('half');
    });
    const mesh = await meshTo([port], { route: { timeout: '0.2s' } });
    const { statusCode, body } = await call(mesh);
    assert.equal(statusCode, 200);
    await assert.rejects(body.text(), (error) => isMeshError(error) && error.code === 'request_timeout');
    assert.equal(mesh.statistics().mesh.downstream_rq_tx_reset, 1);
  });

  it('resets before its answer: what is idempotent goes to another, the rest fails with UC', async () => {
    const resetting = await tcp(async (socket) => {
      await requestHead(socket);
      socket.resetAndDestroy();
    });
    const { port } = await http();
    const mesh = await meshTo([resetting.port, port]);
    for (let i = 0; i < 6; i++) assert.equal(await outcome(mesh, { method: i % 2 ? 'GET' : 'PUT' }), `200 - ${port}`);
    const posts = [await outcome(mesh, { method: 'POST' }), await outcome(mesh, { method: 'POST' })].sort();
    assert.deepEqual(posts, [
      `200 - ${port}`,
      '503 UC upstream connect error or disconnect/reset before headers. reset reason: connection termination',
    ]);
  });

  it('resets in the middle of its answer: a stream error of the mesh, never tried again', async () => {
    const cutting = await tcp(async (socket) => {
      await requestHead(socket);
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf', () => socket.resetAndDestroy());
    });
    const mesh = await meshTo([cutting.port]);
    const { statusCode, body } = await call(mesh);
    assert.equal(statusCode, 200);
    await assert.rejects(body.text(), (error) => isMeshError(error) && error.code === 'protocol_error');
    const fetched = await mesh.fetch('http://app:9080/');
    await assert.rejects(fetched.text());
    assert.equal(cutting.accepted, 2);
  });

  it('ends its answer too early: as much an error as a reset', async () => {
    const short = await tcp(async (socket) => {
      await requestHead(socket);
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf');
    });
    const mesh = await meshTo([short.port]);
    const { body } = await call(mesh);
    await assert.rejects(body.text(), isMeshError);
  });

  for (const [what, bytes] of Object.entries({
    'no HTTP at all': 'SSH-2.0-OpenSSH_9.6\r\n',
    'a broken status line': 'HTTP/1.1 abc\r\n\r\n',
    'a header without end': `HTTP/1.1 200 OK\r\nx-long: ${'x'.repeat(90_000)}\r\n\r\n`,
    'two lengths': 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nok',
  })) {
    it(`answers ${what}: 502 UPE`, async () => {
      const broken = await tcp(async (socket) => {
        await requestHead(socket);
        socket.write(bytes);
      });
      const mesh = await meshTo([broken.port]);
      assert.match(await outcome(mesh), /^502 UPE upstream connect error .* protocol error/);
      await until(() => broken.open.size === 0, 'the connection is closed');
    });
  }

  it('sends a broken chunk: a stream error of the mesh', async () => {
    const broken = await tcp(async (socket) => {
      await requestHead(socket);
      socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\nnonsense\r\n');
    });
    const mesh = await meshTo([broken.port]);
    const { body } = await call(mesh);
    await assert.rejects(body.text(), (error) => isMeshError(error) && error.code === 'protocol_error');
  });

  it('sends more than its answer: the rest is nobody’s', async () => {
    const chatty = await tcp(async (socket) => {
      socket.on('data', () => socket.write(`${OK}HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n`));
    });
    const mesh = await meshTo([chatty.port]);
    for (let i = 0; i < 5; i++) assert.equal(await outcome(mesh), '200 - ok');
  });

  it('closes idle connections just when we send: no idempotent call of 2,000 fails', async function () {
    this.timeout(20_000);
    const idleMs = 3;
    const closing = await tcp((socket) => {
      let timer: NodeJS.Timeout | undefined;
      socket.on('data', () => {
        socket.write(OK);
        timer ??= setTimeout(() => socket.end(), idleMs);
        timer.refresh();
      });
    });
    const mesh = await meshTo([closing.port]);
    const outcomes = new Map<string, number>();
    const worker = async (gaps: number) => {
      for (let i = 0; i < 250; i++) {
        const told = await outcome(mesh);
        outcomes.set(told, (outcomes.get(told) ?? 0) + 1);
        // Around the moment at which the server has enough, a little different each time.
        if (i % gaps === 0) await new Promise((resolve) => setTimeout(resolve, idleMs - 1 + (i % 3)));
      }
    };
    await Promise.all(Array.from({ length: 8 }, (_, i) => worker(1 + (i % 4))));
    assert.deepEqual([...outcomes], [['200 - ok', 2000]]);
    assert.ok(closing.accepted > 100, `${closing.accepted} connections are no race`);
  });

  it('says how long it keeps connections: they are closed before, and not used again where that is at once', async () => {
    const hinting = await tcp((socket) => {
      socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nkeep-alive: timeout=1\r\ncontent-length: 2\r\n\r\nok'));
    });
    const mesh = await meshTo([hinting.port]);
    for (let i = 0; i < 3; i++) assert.equal(await outcome(mesh), '200 - ok');
    assert.equal(hinting.accepted, 3);
    await until(() => hinting.open.size === 0, 'all are closed');

    const longer = await tcp((socket) => {
      socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nkeep-alive: timeout=2\r\ncontent-length: 2\r\n\r\nok'));
    });
    const patient = await meshTo([longer.port]);
    for (let i = 0; i < 3; i++) assert.equal(await outcome(patient), '200 - ok');
    assert.equal(longer.accepted, 1);
    const [socket] = longer.open;
    assert.ok(socket);
    // A second before the two are over, from our side.
    await once(socket, 'end');
  });

  it('closes its side and goes on reading: the connection is given up', async () => {
    let half = true;
    const closing = await tcp(
      async (socket) => {
        await requestHead(socket);
        socket.write(OK);
        if (half) socket.end();
        half = false;
        socket.on('data', () => socket.writable && socket.write(OK));
      },
      { allowHalfOpen: true },
    );
    const mesh = await meshTo([closing.port]);
    assert.equal(await outcome(mesh), '200 - ok');
    const [socket] = closing.open;
    assert.ok(socket);
    if (!socket.readableEnded) await once(socket, 'end');
    assert.equal(await outcome(mesh, { method: 'POST' }), '200 - ok');
    assert.equal(closing.accepted, 2);
  });

  it('answers in HTTP/1.0: the connection ends with the answer', async () => {
    const old = await tcp(async (socket) => {
      await requestHead(socket);
      socket.end('HTTP/1.0 200 OK\r\n\r\nold');
    });
    const mesh = await meshTo([old.port]);
    for (let i = 0; i < 3; i++) assert.equal(await outcome(mesh, { method: 'POST' }), '200 - old');
    assert.equal(old.accepted, 3);
  });
});
