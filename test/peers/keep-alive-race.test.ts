import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import {
  type ClosingServer,
  goServer,
  hastyServer,
  nginxServer,
  nodeServer,
  silentServer,
} from './support/closing-servers.ts';
import { cluster, host, to } from './support/feed.ts';
import { describeWithPeers } from './support/peers.ts';
import { SharedFeed } from './support/shared-feed.ts';
import type { Side } from './support/sides.ts';

/** Milliseconds after which the servers close a connection that is not used. */
const IDLE_MS = 5;
/** How a server is called by each side. */
interface Load {
  readonly workers: number;
  readonly calls: number;
  /** Workers pause after each call, after every second … up to so many. */
  readonly gaps: number;
}

const MANY: Load = { workers: 6, calls: 1_020, gaps: 3 };
/** Over HTTP/2 all calls share a connection, which is at rest only where there is one caller. */
const ALONE: Load = { workers: 1, calls: 300, gaps: 1 };
/** Connections that a server must have closed, or there was no race. */
const CLOSED = 20;

interface Race {
  readonly name: string;
  readonly what: string;
  readonly http2?: boolean;
  readonly load?: Load;
  start(): Promise<ClosingServer>;
}

let answers = 0;

const RACES: readonly Race[] = [
  { name: 'node', what: `Node’s HTTP server, ${IDLE_MS} ms after an answer`, start: () => nodeServer(IDLE_MS) },
  { name: 'go', what: `Go’s HTTP server, ${IDLE_MS} ms after an answer`, start: () => goServer(IDLE_MS) },
  {
    name: 'nginx',
    what: `nginx, ${IDLE_MS} ms after an answer and with every 20th`,
    start: () => nginxServer({ idleMs: IDLE_MS, requests: 20 }),
  },
  {
    name: 'silent',
    what: `a server that says nothing of it, ${IDLE_MS} ms after an answer`,
    start: () => silentServer(IDLE_MS),
  },
  {
    name: 'hasty',
    what: 'a server that closes two of five connections right behind its answer',
    start: () => hastyServer(() => ++answers % 5 < 2),
  },
  {
    name: 'hasty-by-chance',
    what: 'a server that closes four in ten connections right behind its answer, by chance',
    load: { workers: 30, calls: 2_000, gaps: 0 },
    start: () => hastyServer(() => Math.random() < 0.4),
  },
  {
    name: 'go-h2',
    what: `Go’s HTTP server over HTTP/2, ${IDLE_MS} ms after an answer`,
    http2: true,
    load: ALONE,
    start: () => goServer(IDLE_MS),
  },
  {
    name: 'nginx-h2',
    what: `nginx over HTTP/2, ${IDLE_MS} ms after an answer`,
    http2: true,
    load: ALONE,
    start: () => nginxServer({ idleMs: IDLE_MS, requests: 1_000_000, http2: true }),
  },
  {
    name: 'nginx-h2-many',
    what: 'nginx over HTTP/2, with every 20th answer',
    http2: true,
    start: () => nginxServer({ idleMs: 1_000, requests: 20, http2: true }),
  },
];

/**
 * Servers close connections just as a client sends on them: the race of HTTP/1.1 that no client can win. What inmesh fails must
 * not be more than what a sidecar would: a real Envoy makes the same calls to the same servers, without retries of the feed's.
 */
describeWithPeers(['envoy', 'go-http-server', 'nginx'], 'servers that close connections while a client sends', () => {
  const servers: ClosingServer[] = [];
  let feed: SharedFeed;

  before(async () => {
    for (const race of RACES) servers.push(await race.start());
    feed = await SharedFeed.start({
      virtualHosts: RACES.map(({ name }) => host(name, [`${name}.test`], [to(name)])),
      resources: RACES.flatMap(({ name, http2 = false }, index) =>
        cluster(name, [servers[index]?.port ?? 0], http2 ? HTTP2 : {}),
      ),
    });
  });

  after(async () => {
    await feed?.stop();
    for (const server of servers) await server.close();
  });

  for (const { name, what, load = MANY } of RACES) {
    for (const method of ['GET', 'POST'] as const) {
      it(`${what}: ${method}`, async function () {
        this.timeout(60_000);
        const before = opened(feed, name);
        const failed = await Promise.all(feed.sides.map((side) => failures(side, `${name}.test`, method, load)));
        const [envoy = 0, inmesh = 0] = failed;
        assert.ok(inmesh <= mostFor(envoy), `inmesh failed ${inmesh} of ${load.calls} calls, envoy ${envoy}`);
        assert.ok(opened(feed, name) - before > CLOSED, 'too few connections were closed');
      });
    }
  }
});

const OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
const HTTP2 = {
  typed_extension_protocol_options: {
    [OPTIONS]: {
      '@type': `type.googleapis.com/${OPTIONS}`,
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
};

function opened({ mesh }: SharedFeed, name: string): number {
  return mesh.statistics().clusters[name]?.upstream_cx_total ?? 0;
}

/** Calls that did not end well. The pauses are around the moment at which the server has enough, each a little different. */
async function failures(side: Side, authority: string, method: 'GET' | 'POST', load: Load): Promise<number> {
  const { workers, calls, gaps } = load;
  let failed = 0;
  const worker = async (gap: number) => {
    for (let i = 0; i < calls / workers; i++) {
      const ask = method === 'GET' ? { authority, method } : { authority, method, body: 'x' };
      const { status } = await side.call(ask);
      if (status !== 200) failed++;
      if (gaps > 0 && i % gap === 0) await pause(IDLE_MS - 2 + (i % 4));
    }
  };
  await Promise.all(Array.from({ length: workers }, (_, i) => worker(1 + (i % gaps))));
  return failed;
}

/** If both fail with the same probability, the difference has a deviation of at most the root of twice the count: six of them are passed less than once in 10⁹ runs. */
function mostFor(envoy: number): number {
  return envoy + Math.ceil(6 * Math.sqrt(2 * Math.max(1, envoy)));
}
