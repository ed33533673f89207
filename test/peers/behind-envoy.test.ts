import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { type ControlPlane, type ResourceInput, startControlPlane } from '@inmesh/control-plane';
import { createMesh, type Mesh, meshErrorOf } from 'inmesh';
import { type App, startApp } from './support/apps.ts';
import { Envoy } from './support/envoy.ts';
import { apiListener, cluster, host, to } from './support/feed.ts';
import { describeWithPeers } from './support/peers.ts';
import { freePorts } from './support/ports.ts';

/**
 * A service that has a sidecar: a real Envoy listens in front of an app, and inmesh's endpoint is that listener. So what
 * inmesh puts on the wire is read by Envoy's own codec, and what Envoy answers by ours: bodies both ways, small, large
 * and streamed, responses that have none, trailers, connections that are used again or closed. Then the Envoy is
 * killed and started anew beside its twin while calls flow, and none of them may fail.
 */
describeWithPeers(['envoy'], 'inmesh calls a service behind an Envoy sidecar', () => {
  let app: App;
  let sidecars: [Sidecar, Sidecar];
  let plane: ControlPlane;
  let mesh: Mesh;

  before(async () => {
    app = await startApp('app', (request, response) => {
      const url = new URL(request.url ?? '/', 'http://app');
      if (url.pathname === '/bytes') {
        const size = Number(url.searchParams.get('n'));
        response.setHeader('content-type', 'application/octet-stream');
        Readable.from(chunks(size)).pipe(response);
      } else if (url.pathname === '/trailers') {
        response.setHeader('trailer', 'x-checksum');
        response.write('body');
        response.addTrailers({ 'x-checksum': 'abc' });
        response.end();
      } else if (url.pathname === '/status') {
        request.resume().on('end', () => response.writeHead(Number(url.searchParams.get('code'))).end());
      } else if (url.pathname === '/echo') {
        response.writeHead(200, { 'x-method': request.method });
        request.pipe(response);
      } else {
        const hash = createHash('sha256');
        request.on('data', (chunk: Buffer) => hash.update(chunk));
        request.on('end', () => response.end(hash.digest('hex')));
      }
    });
    sidecars = [await Sidecar.start('one', app.port), await Sidecar.start('two', app.port)];
    const [one, two] = sidecars;
    plane = await startControlPlane({ resources: feed([one.port], [one.port, two.port]) });
    mesh = await createMesh({
      bootstrapConfig: JSON.stringify({
        xds_servers: [{ server_uri: plane.address, channel_creds: [{ type: 'insecure' }] }],
        node: { id: 'inmesh' },
      }),
      env: {},
    });
    await mesh.ready({ services: ['http://app', 'http://twins'] });
  });
  after(async () => {
    await mesh.drain();
    await plane.close();
    for (const sidecar of sidecars) await sidecar.stop();
    await app.close();
  });

  it('GET: through the sidecar, which leaves its mark', async () => {
    const response = await mesh.fetch('http://app/');
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('server'), 'envoy');
    assert.equal(await response.text(), sha256(Buffer.alloc(0)));
    assert.equal(app.seen.at(-1)?.headers.host, 'app');
  });

  for (const [size, what] of [
    [11, 'small'],
    [20 * 1024 * 1024, 'large'],
  ] as const) {
    it(`POST with a ${what} body arrives whole`, async () => {
      const body = Buffer.alloc(size, 'inmesh');
      const response = await mesh.fetch('http://app/', { method: 'POST', body });
      assert.equal(await response.text(), sha256(body));
      assert.equal(app.seen.at(-1)?.headers['content-length'], `${size}`);
    });
  }

  it('a large response arrives whole', async () => {
    const size = 20 * 1024 * 1024;
    const response = await mesh.fetch(`http://app/bytes?n=${size}`);
    const hash = createHash('sha256');
    let length = 0;
    for await (const chunk of response.body ?? []) {
      hash.update(chunk);
      length += chunk.byteLength;
    }
    assert.equal(length, size);
    assert.equal(hash.digest('hex'), sha256(Buffer.concat([...chunks(size)])));
  });

  it('streams both ways at once: each part comes back before the next is sent', async () => {
    const back: string[] = [];
    let echoed: (text: string) => void = () => {};
    async function* parts() {
      for (const part of ['one', 'two', 'three']) {
        const heard = new Promise<string>((resolve) => {
          echoed = resolve;
        });
        yield Buffer.from(part);
        assert.equal(await heard, part);
      }
    }
    const { body, headers } = await mesh.dispatcher.request({
      origin: 'http://app',
      path: '/echo',
      method: 'POST',
      body: Readable.from(parts()),
    });
    for await (const chunk of body) {
      back.push(String(chunk));
      echoed(String(chunk));
    }
    assert.equal(headers['x-method'], 'POST');
    assert.deepEqual(back, ['one', 'two', 'three']);
  });

  it('HEAD, 204 and 304 have no body, and leave the connection in order', async () => {
    const connections = new Set<number>();
    for (const [method, code] of [
      ['HEAD', 200],
      ['GET', 204],
      ['GET', 304],
      ['HEAD', 404],
      ['GET', 200],
    ] as const) {
      const response = await mesh.fetch(`http://app/status?code=${code}`, { method });
      assert.deepEqual([response.status, await response.text()], [code, ''], `${method} ${code}`);
      assert.equal(app.seen.at(-1)?.method, method);
      connections.add(app.seen.at(-1)?.connection ?? 0);
    }
    assert.equal(mesh.statistics().clusters.app?.upstream_cx_active, 1);
  });

  it('chunked trailers do no harm', async () => {
    for (let i = 0; i < 3; i++) {
      const response = await mesh.fetch('http://app/trailers');
      assert.equal(await response.text(), 'body');
    }
  });

  it('one call after the other: one connection', async () => {
    const before = mesh.statistics().clusters.app?.upstream_cx_total;
    for (let i = 0; i < 50; i++) assert.equal((await mesh.fetch('http://app/')).status, 200);
    assert.equal(mesh.statistics().clusters.app?.upstream_cx_total, before);
  });

  it('a sidecar that drains says connection: close, and no call is lost', async () => {
    const [one] = sidecars;
    await mesh.fetch('http://app/');
    const before = mesh.statistics().clusters.app?.upstream_cx_total ?? 0;
    // With its health failed, a sidecar closes every connection after the next answer.
    const answer = await fetch(`${one.envoy.admin}/healthcheck/fail`, { method: 'POST' });
    assert.equal(answer.status, 200);
    for (let i = 0; i < 10; i++) {
      const response = await mesh.fetch('http://app/');
      assert.equal(response.status, 200);
      await response.text();
    }
    assert.ok((mesh.statistics().clusters.app?.upstream_cx_total ?? 0) > before, 'connections were given up');
    await fetch(`${one.envoy.admin}/healthcheck/ok`, { method: 'POST' });
  });

  it('a sidecar killed and started anew while calls flow costs no idempotent call', async () => {
    const outcomes: Record<string, number> = {};
    const stop = new AbortController();
    async function caller() {
      while (!stop.signal.aborted) {
        const response = await mesh.fetch('http://twins/');
        await response.text();
        const outcome = response.ok ? 'ok' : `${response.status} ${meshErrorOf(response)?.message}`;
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
        answered.dispatchEvent(new Event('answer'));
      }
    }
    const answered = new EventTarget();
    /** Lets calls flow: resolves after so many more answers. */
    async function flow(answers: number) {
      for (let i = 0; i < answers; i++) await once(answered, 'answer');
    }
    const callers = Array.from({ length: 8 }, caller);
    await flow(200);
    for (const sidecar of sidecars) {
      await sidecar.envoy.stop('SIGKILL');
      await flow(300);
      await sidecar.restart();
      await flow(200);
    }
    stop.abort();
    await Promise.all(callers);
    assert.deepEqual(Object.keys(outcomes), ['ok']);
    assert.ok((outcomes.ok ?? 0) >= 1_000);
    assert.ok((mesh.statistics().clusters.twins?.upstream_rq_retry ?? 0) > 0, 'some calls needed another try');
  });
});

/** An Envoy whose inbound listener leads to an app on the loopback. It keeps its port over restarts. */
class Sidecar {
  readonly port: number;
  readonly #node: string;
  readonly #app: number;
  envoy: Envoy;

  private constructor(node: string, app: number, port: number, envoy: Envoy) {
    this.#node = node;
    this.#app = app;
    this.port = port;
    this.envoy = envoy;
  }

  static async start(node: string, app: number): Promise<Sidecar> {
    const [port = 0] = await freePorts(1);
    return new Sidecar(node, app, port, await startInbound(node, app, port));
  }

  async restart(): Promise<void> {
    this.envoy = await startInbound(this.#node, this.#app, this.port);
  }

  stop(): Promise<void> {
    return this.envoy.stop();
  }
}

function startInbound(node: string, app: number, port: number): Promise<Envoy> {
  const address = (value: number) => ({ socket_address: { address: '127.0.0.1', port_value: value } });
  const filters = 'type.googleapis.com/envoy.extensions.filters';
  const manager = {
    '@type': `${filters}.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'inbound',
    http_protocol_options: { enable_trailers: true },
    route_config: { virtual_hosts: [host('app', ['*'], [to('app', '/', { timeout: '0s' })])] },
    http_filters: [{ name: 'router', typed_config: { '@type': `${filters}.http.router.v3.Router` } }],
  };
  const load = { cluster_name: 'app', endpoints: [{ lb_endpoints: [{ endpoint: { address: address(app) } }] }] };
  return Envoy.start({
    node,
    staticResources: {
      listeners: [
        {
          name: 'inbound',
          address: address(port),
          filter_chains: [{ filters: [{ name: 'hcm', typed_config: manager }] }],
        },
      ],
      clusters: [{ name: 'app', type: 'STATIC', load_assignment: load }],
    },
  });
}

function feed(app: readonly number[], twins: readonly number[]): ResourceInput[] {
  const retryPolicy = { retry_policy: { retry_on: 'connect-failure,reset', num_retries: 3, ...OTHER_HOST } };
  return [
    apiListener('app:80', [host('app', ['*'], [to('app', '/', { timeout: '30s' })])]),
    apiListener('twins:80', [host('twins', ['*'], [to('twins', '/', retryPolicy)])]),
    ...cluster('app', app),
    ...cluster('twins', twins, { circuit_breakers: { thresholds: [{ max_retries: 100 }] } }),
  ];
}

const OTHER_HOST = {
  retry_host_predicate: [
    {
      name: 'previous_hosts',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate',
      },
    },
  ],
  host_selection_retry_max_attempts: '10',
};

/** Bytes that are not the same everywhere, so that a lost or doubled part shows. */
function* chunks(size: number): Generator<Buffer> {
  for (let at = 0; at < size; at += 65_536) {
    const chunk = Buffer.alloc(Math.min(65_536, size - at), `${at},`);
    yield chunk;
  }
}

function sha256(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
