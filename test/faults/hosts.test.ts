// Hosts that stop, or vanish with all their packets, under the calls on pooled connections. What bounds the time until their
// connections are gone is told by the name of each test; where nothing does but a call's own timeout, that is told, too.
import assert from 'node:assert/strict';
import type { JsonObject } from '@bufbuild/protobuf';
import { type ControlPlane, startControlPlane } from '@inmesh/control-plane';
import { createMesh, type Mesh } from 'inmesh';
import { cluster, service } from '../support/feed.ts';
import { guardProcess } from '../support/guard-process.ts';
import { until } from '../support/scene.ts';
import { Host } from './support/host.ts';
import { OtherHost, whyNoOtherHost } from './support/namespace.ts';

type Protocol = 'http1' | 'http2';

/** Milliseconds of the route: what a call to a host that has stopped takes. */
const TIMEOUT_MS = 400;
const KEEPALIVE = { connection_keepalive: { interval: '1s', timeout: '0.5s' } };

/** A retry goes to another host than those before. */
const OTHERS: JsonObject = {
  retry_host_predicate: [
    {
      name: 'envoy.retry_host_predicates.previous_hosts',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate',
      },
    },
  ],
  host_selection_retry_max_attempts: 5,
};

class Scene implements AsyncDisposable {
  readonly mesh: Mesh;
  readonly #plane: ControlPlane;

  private constructor(plane: ControlPlane, mesh: Mesh) {
    this.#plane = plane;
    this.mesh = mesh;
  }

  static async start(protocol: Protocol, hosts: readonly Host[], http2: JsonObject, route: JsonObject): Promise<Scene> {
    const options: JsonObject = {
      '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
      explicit_http_config: protocol === 'http2' ? { http2_protocol_options: http2 } : { http_protocol_options: {} },
    };
    const plane = await startControlPlane({
      resources: [
        ...service('app', [], { route }).slice(0, 1),
        cluster('app', {
          // Envoy's three retries at a time are for fewer callers.
          circuit_breakers: { thresholds: [{ max_retries: 100 }] },
          typed_extension_protocol_options: { 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': options },
        }),
        {
          '@type': 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
          cluster_name: 'app',
          endpoints: [
            {
              lb_endpoints: hosts.map(({ address, port }) => ({
                endpoint: { address: { socket_address: { address, port_value: port } } },
              })),
            },
          ],
        },
      ],
    });
    const mesh = await createMesh({
      bootstrapConfig: JSON.stringify({
        xds_servers: [{ server_uri: plane.address, channel_creds: [{ type: 'insecure' }] }],
        node: { id: 'inmesh' },
      }),
      env: {},
    });
    return new Scene(plane, mesh);
  }

  async call(): Promise<number> {
    const response = await this.mesh.fetch('http://app/');
    await response.text();
    return response.status;
  }

  /** Connections that are open. */
  get open(): number {
    return this.mesh.statistics().clusters.app?.upstream_cx_active ?? 0;
  }

  get opened(): number {
    return this.mesh.statistics().clusters.app?.upstream_cx_total ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mesh.close();
    await this.#plane.close();
  }
}

describe('a host', () => {
  guardProcess();

  const gone: Record<string, { start(protocol: Protocol): Promise<Away>; why: string | null }> = {
    'that has stopped': { start: (protocol) => stopped(protocol), why: null },
    'that has vanished with all its packets': { start: (protocol) => vanished(protocol), why: whyNoOtherHost() },
  };
  for (const [what, { start, why }] of Object.entries(gone)) {
    (why === null ? describe : describe.skip)(`${what}${why === null ? '' : ` (${why})`}`, () => {
      it('keeps a connection of HTTP/1 until the timeout of the call on it', async () => {
        await using away = await start('http1');
        await using scene = await Scene.start('http1', [away.host], {}, { timeout: `${TIMEOUT_MS / 1_000}s` });
        assert.equal(await scene.call(), 200);
        assert.equal(scene.open, 1);
        away.leave();
        assert.equal(await scene.call(), 504);
        assert.equal(scene.open, 0);
        away.comeBack();
        assert.equal(await scene.call(), 200);
        assert.equal(scene.opened, 2);
      });

      it('keeps one of HTTP/2 as long as its PINGs of the feed wait, whether it is called or not', async () => {
        await using away = await start('http2');
        await using scene = await Scene.start('http2', [away.host], KEEPALIVE, { timeout: `${TIMEOUT_MS / 1_000}s` });
        assert.equal(await scene.call(), 200);
        away.leave();
        await until(() => scene.open === 0, 'it is closed');
        away.comeBack();
        assert.equal(await scene.call(), 200);
        assert.equal(scene.opened, 2);
      });

      it('keeps one of HTTP/2 without such PINGs for five seconds from the first call that was given up', async () => {
        await using away = await start('http2');
        await using scene = await Scene.start('http2', [away.host], {}, { timeout: `${TIMEOUT_MS / 1_000}s` });
        assert.equal(await scene.call(), 200);
        away.leave();
        assert.equal(await scene.call(), 504);
        assert.equal(scene.open, 1);
        await until(() => scene.open === 0, 'it is closed');
        away.comeBack();
        assert.equal(await scene.call(), 200);
        assert.equal(scene.opened, 2);
      });
    });
  }

  for (const protocol of ['http1', 'http2'] as const) {
    it(`of two that has stopped fails no call over ${protocol} that is tried again`, async () => {
      using one = await Host.start(protocol);
      using two = await Host.start(protocol);
      const retry = {
        retry_on: 'reset,connect-failure,gateway-error',
        num_retries: 2,
        per_try_timeout: '0.2s',
        ...OTHERS,
      };
      await using scene = await Scene.start(protocol, [one, two], {}, { timeout: '10s', retry_policy: retry });
      const calls = () => Promise.all(Array.from({ length: 10 }, () => scene.call()));
      assert.deepEqual([...new Set(await calls())], [200]);
      one.stop();
      for (let round = 0; round < 5; round++) assert.deepEqual([...new Set(await calls())], [200]);
    });
  }
});

/** A host that can be gone without a word, and come back. */
interface Away extends AsyncDisposable {
  readonly host: Host;
  leave(): void;
  comeBack(): void;
}

async function stopped(protocol: Protocol): Promise<Away> {
  const host = await Host.start(protocol);
  return {
    host,
    leave: () => host.stop(),
    comeBack: () => host.goOn(),
    [Symbol.asyncDispose]: async () => host[Symbol.dispose](),
  };
}

async function vanished(protocol: Protocol): Promise<Away> {
  const other = new OtherHost();
  const host = await Host.start(protocol, other);
  return {
    host,
    leave: () => other.vanish(),
    comeBack: () => other.comeBack(),
    [Symbol.asyncDispose]: async () => {
      host[Symbol.dispose]();
      other[Symbol.dispose]();
    },
  };
}
