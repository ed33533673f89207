import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { startTcp } from './support/apps.ts';
import { cluster, host, to } from './support/feed.ts';
import { describeWithPeers } from './support/peers.ts';
import { SharedFeed } from './support/shared-feed.ts';
import type { Side } from './support/sides.ts';

/** Calls of each method, on each side, to each server. */
const CALLS = 1_500;
const WORKERS = 6;
/** Milliseconds after which the servers close a connection that is not used. */
const IDLE_MS = 5;
const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

/**
 * Servers close connections just as a client sends on them: the race of HTTP/1.1 that no client can win. What inmesh fails must
 * not be more than what a sidecar would: a real Envoy makes the same calls to the same servers, without retries of the feed's.
 */
describeWithPeers(['envoy'], 'servers that close connections while a client sends', () => {
  const closing: (() => Promise<void>)[] = [];
  let feed: SharedFeed;

  before(async () => {
    const node = createServer(
      { keepAliveTimeout: IDLE_MS, keepAliveTimeoutBuffer: 0 } as object,
      (request, response) => {
        // Without its hint, which would tell the client not to keep the connection.
        response.shouldKeepAlive = true;
        response.setHeader('connection', 'keep-alive');
        request.resume().on('end', () => response.end('ok'));
      },
    );
    node.listen(0, '127.0.0.1');
    await once(node, 'listening');
    closing.push(async () => {
      node.closeAllConnections();
      await once(node.close(), 'close');
    });
    let answers = 0;
    const behind = await startTcp((socket) => answerAll(socket, () => ++answers % 5 < 2));
    const idle = await startTcp((socket) => {
      let timer: NodeJS.Timeout | undefined;
      answerAll(socket, () => {
        timer ??= setTimeout(() => socket.end(), IDLE_MS);
        timer.refresh();
        return false;
      });
    });
    closing.push(behind.close, idle.close);
    const ports = { node: (node.address() as AddressInfo).port, behind: behind.port, idle: idle.port };
    feed = await SharedFeed.start({
      virtualHosts: Object.keys(ports).map((name) => host(name, [`${name}.test`], [to(name)])),
      resources: Object.entries(ports).flatMap(([name, port]) => cluster(name, [port])),
    });
  });

  after(async () => {
    await feed?.stop();
    for (const close of closing) await close();
  });

  for (const [name, what] of [
    ['node', `Node’s HTTP server, ${IDLE_MS} ms after an answer`],
    ['idle', `a server that says nothing of it, ${IDLE_MS} ms after an answer`],
    ['behind', 'a server that closes two of five connections right behind its answer'],
  ] as const) {
    for (const method of ['GET', 'POST'] as const) {
      it(`${what}: ${method}`, async function () {
        this.timeout(60_000);
        const failed = await Promise.all(feed.sides.map((side) => failures(side, `${name}.test`, method)));
        const [envoy = 0, inmesh = 0] = failed;
        assert.ok(inmesh <= mostFor(envoy), `inmesh failed ${inmesh} of ${CALLS} calls, envoy ${envoy}`);
      });
    }
  }
});

/** A small server of HTTP/1.1, whose end is exactly where the test wants it. `ends`: close behind this answer. */
function answerAll(socket: Socket, ends: () => boolean): void {
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
    for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
      const length = Number(/content-length: (\d+)/i.exec(text.slice(0, end))?.[1] ?? 0);
      if (text.length < end + 4 + length) return;
      text = text.slice(end + 4 + length);
      socket.write(OK);
      if (ends()) socket.end();
    }
  });
}

/** Calls that did not end well. The pauses are around the moment at which the server has enough, each a little different. */
async function failures(side: Side, authority: string, method: 'GET' | 'POST'): Promise<number> {
  let failed = 0;
  const worker = async (gaps: number) => {
    for (let i = 0; i < CALLS / WORKERS; i++) {
      const ask = method === 'GET' ? { authority, method } : { authority, method, body: 'x' };
      const { status } = await side.call(ask);
      if (status !== 200) failed++;
      if (i % gaps === 0) await pause(IDLE_MS - 2 + (i % 4));
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, (_, i) => worker(1 + (i % 3))));
  return failed;
}

/** If both fail with the same probability, the difference has a deviation of at most the root of twice the count: six of them are passed less than once in 10⁹ runs. */
function mostFor(envoy: number): number {
  return envoy + Math.ceil(6 * Math.sqrt(2 * Math.max(1, envoy)));
}
