import assert from 'node:assert/strict';
import {
  Cluster,
  type ClusterConfig,
  HTTP1_UPSTREAM,
  SecretBytes,
  systemClock,
  type TransportSocketConfig,
} from '@inmesh/core';
import { clusterOver } from '../testing/cluster.ts';
import { callTo, Heard } from '../testing/connection-scene.ts';
import { FakeMaterial, FakeTls, tlsSocket } from '../testing/fake-tls.ts';
import { TlsScene } from '../testing/tls-scene.ts';
import { SocketConnector } from './connector.ts';

const NO_CERTIFICATE = {
  certificateChain: null,
  privateKey: null,
  pkcs12: null,
  password: null,
  watchedDirectory: null,
  ocspStaple: null,
  privateKeyProvider: null,
};
const OPEN = { protocol: HTTP1_UPSTREAM };

/** The same settings as another message of the feed brings them: other objects of equal content. */
function again(config: ClusterConfig, change: Partial<ClusterConfig>): ClusterConfig {
  return { ...structuredClone(config), ...change };
}

describe('a cluster over TLS', () => {
  let scene: TlsScene;
  before(async () => {
    scene = await TlsScene.create();
  });
  afterEach(() => scene.end());

  const open = async (socket: TransportSocketConfig = tlsSocket()) => {
    const server = await scene.listen({}, (client) => {
      client.on('data', () => client.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n'));
    });
    const tls = new FakeTls(new FakeMaterial(scene.trust));
    const cluster = new Cluster(clusterOver(socket, OPEN), {
      connector: new SocketConnector({ clock: systemClock, random: Math.random, tls }),
      clock: systemClock,
      random: Math.random,
    });
    cluster.assign({
      name: 'c',
      overprovisioningFactor: 140,
      localities: [
        {
          locality: { region: '', zone: '', subZone: '' },
          priority: 0,
          weight: 1,
          endpoints: [
            {
              address: { kind: 'socket', host: '127.0.0.1', port: server.port },
              hostname: '',
              health: 'unknown',
              weight: 1,
              metadata: {},
            },
          ],
        },
      ],
    });
    const send = async (): Promise<string> => {
      const heard = new Heard();
      const [endpoint] = cluster.endpoints.values();
      assert.ok(endpoint);
      cluster.connect(endpoint, callTo(), heard);
      await heard.over;
      return heard.error?.message ?? heard.said[2] ?? '';
    };
    return { cluster, send, tls };
  };

  it('is called after a message of the feed has brought the same TLS and other limits', async () => {
    const { cluster, send, tls } = await open();
    assert.equal(await send(), '200');
    cluster.configure(again(cluster.config, { connectTimeoutMs: 1_234 }));
    assert.equal(await send(), '200');
    assert.equal(tls.followed.length, 1, 'the secrets are asked for once');
    cluster.close();
  });

  it('is called by the old secrets where a change that waits for others is taken back', async () => {
    const { cluster, send, tls } = await open();
    assert.equal(await send(), '200');
    const before = cluster.config;
    tls.settled = false;
    cluster.configure(again(before, { transport: { socket: tlsSocket({ sni: 'other.example' }), matches: [] } }));
    assert.equal(await send(), '200');
    tls.settled = true;
    cluster.configure(again(before, { idleTimeoutMs: 1_234 }));
    assert.equal(await send(), '200');
    assert.deepEqual(
      tls.followed.map(({ released }) => released),
      [false, true],
    );
    cluster.close();
  });

  it('gets other connections where an inline secret is all that has changed', async () => {
    const withKey = (text: string) => {
      const pkcs12 = { kind: 'inline', bytes: new SecretBytes(Buffer.from(text)) } as const;
      return tlsSocket({}, { certificates: [{ kind: 'inline', certificate: { ...NO_CERTIFICATE, pkcs12 } }] });
    };
    const { cluster, send, tls } = await open(withKey('one'));
    assert.equal(await send(), '200');
    cluster.configure({ ...cluster.config, transport: { socket: withKey('other'), matches: [] } });
    assert.equal(await send(), '200');
    assert.deepEqual(
      tls.followed.map(({ released }) => released),
      [true, false],
    );
    cluster.close();
  });
});
