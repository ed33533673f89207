// The protocol itself, with real control planes over real connections: the embedded one, and go-control-plane.
import assert from 'node:assert/strict';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ResourceInput, startControlPlane } from '@inmesh/control-plane';
import type { Kind } from '@inmesh/core';
import { grpcChannel } from '@inmesh/transports/rpc';
import { AdsClient, type AdsVariant, resourceTypes } from '@inmesh/xds';
import { binaryOf, describeWithPeers } from '../../peers/support/peers.ts';
import { freePorts } from '../../peers/support/ports.ts';
import { PeerProcess } from '../../peers/support/processes.ts';
import { cluster, endpoints } from '../../support/feed.ts';

/** A control plane that a test can change. */
interface Server {
  readonly target: string;
  update(resources: readonly ResourceInput[]): Promise<void>;
  /** What was said against the last response that was refused; resolves when there is one. */
  refused(): Promise<string>;
  /** Ends all streams and serves again at the same place. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

async function startEmbedded(resources: readonly ResourceInput[]): Promise<Server> {
  let refused = Promise.withResolvers<string>();
  let current = resources;
  const start = (port: number) =>
    startControlPlane({
      resources: current,
      listen: { port },
      onEvent: (event) => {
        if (event.type === 'nack') refused.resolve(event.message);
      },
    });
  let plane = await start(0);
  const target = plane.address;
  return {
    target,
    update: async (next) => {
      current = next;
      refused = Promise.withResolvers();
      plane.update(next);
    },
    refused: () => refused.promise,
    restart: async () => {
      await plane.close();
      plane = await start(Number(target.split(':')[1]));
    },
    close: () => plane.close(),
  };
}

async function startGoControlPlane(resources: readonly ResourceInput[]): Promise<Server> {
  const folder = await mkdtemp(join(tmpdir(), 'inmesh-gcp-'));
  const [port = 0] = await freePorts(1);
  const target = `127.0.0.1:${port}`;
  let version = 0;
  let refused = Promise.withResolvers<string>();
  const write = async (next: readonly ResourceInput[]): Promise<void> => {
    version++;
    await writeFile(join(folder, 'next'), JSON.stringify({ version: String(version), resources: next }));
    await rename(join(folder, 'next'), join(folder, 'default.json'));
  };
  const start = async (): Promise<PeerProcess> => {
    const peer = new PeerProcess('go-control-plane', binaryOf('gcp'), ['-listen', target, '-dir', folder]);
    await new Promise<void>((resolve) => {
      peer.onLine((line) => {
        if (!line.startsWith('{')) return;
        const said = JSON.parse(line) as { event: string; message?: string };
        if (said.event === 'listening') resolve();
        if (said.event === 'nack') refused.resolve(said.message ?? '');
      });
    });
    return peer;
  };
  await write(resources);
  let peer = await start();
  return {
    target,
    update: async (next) => {
      refused = Promise.withResolvers();
      await write(next);
    },
    refused: () => refused.promise,
    restart: async () => {
      await peer.stop();
      peer = await start();
    },
    close: async () => {
      await peer.stop();
      await rm(folder, { recursive: true });
    },
  };
}

/** What is heard of resources, with a promise for what is still to come. */
class Log {
  readonly said: string[] = [];
  /** All that ever came. */
  readonly history: string[] = [];
  #waiting: (() => void)[] = [];

  tell(line: string): void {
    this.said.push(line);
    this.history.push(line);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  /** Resolves when the line has come; what came until then is forgotten. */
  async comes(line: string): Promise<void> {
    while (!this.said.includes(line)) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
    this.said.splice(0, this.said.indexOf(line) + 1);
  }
}

/** Variants are those of the client, where the server speaks both; a restart takes the client a second of backoff at most. */
function behaves(start: (resources: readonly ResourceInput[]) => Promise<Server>): void {
  for (const variant of ['sotw', 'delta'] as const satisfies readonly AdsVariant[]) {
    const closing: (() => unknown)[] = [];
    afterEach(async () => {
      for (const close of closing.splice(0).reverse()) await close();
    });

    async function connect(resources: readonly ResourceInput[]) {
      const server = await start(resources);
      closing.push(() => server.close());
      const transport = grpcChannel({ target: server.target, tls: null });
      const client = new AdsClient({
        transport,
        serverUri: server.target,
        node: { id: 'conformance', cluster: 'c', metadata: {}, locality: { region: '', zone: '', subZone: '' } },
        userAgentVersion: '0',
        types: resourceTypes(),
        onError: (error) => {
          throw error;
        },
        variant,
        backoff: { baseMs: 50, maxMs: 100 },
      });
      closing.push(() => {
        client.close();
        transport.close();
      });
      const log = new Log();
      const watch = (kind: Kind, name: string) =>
        client.watch(kind, name, {
          changed: () => log.tell(`${name} changed`),
          resourceError: ({ code }) => log.tell(`${name} ${code}`),
          ambientError: ({ code }) => log.tell(`${name} still, ${code}`),
        });
      return { server, client, log, watch };
    }

    it(`${variant}: all of a type, additions, changes and removals`, async () => {
      const { server, client, log } = await connect([cluster('a'), cluster('b')]);
      client.watchAll('cluster', {
        changed: (name) => log.tell(`+${name}`),
        removed: (name) => log.tell(`-${name}`),
        settled: () => log.tell('.'),
        ambientError: ({ code }) => log.tell(code),
      });
      await log.comes('.');
      assert.deepEqual([...client.names('cluster')].sort(), ['a', 'b']);
      await server.update([cluster('b', { connect_timeout: '7s' }), cluster('c')]);
      await log.comes('.');
      assert.deepEqual([...client.names('cluster')].sort(), ['b', 'c']);
      assert.equal(client.status().stream.variant, variant);
    });

    it(`${variant}: by name, one more, and one that comes later`, async () => {
      const { server, log, watch } = await connect([endpoints('a', [80]), endpoints('b', [80])]);
      watch('clusterLoadAssignment', 'a');
      await log.comes('a changed');
      watch('clusterLoadAssignment', 'b');
      await log.comes('b changed');
      watch('clusterLoadAssignment', 'late');
      await server.update([endpoints('a', [81]), endpoints('b', [80]), endpoints('late', [80])]);
      await log.comes('late changed');
    });

    it(`${variant}: a refusal reaches the server with its reason, and the next good version is taken`, async () => {
      const { server, client, log, watch } = await connect([cluster('a'), cluster('b')]);
      watch('cluster', 'a');
      watch('cluster', 'b');
      await log.comes('b changed');
      // A name that is valid to the server's own rules and not to ours: EDS without a config source.
      await server.update([cluster('a', { eds_cluster_config: {} }), cluster('b', { connect_timeout: '9s' })]);
      assert.match(await server.refused(), /cluster "a": .*eds_cluster_config\.eds_config/);
      await log.comes('b changed');
      assert.deepEqual(
        client
          .status()
          .resources.map(({ state }) => state)
          .sort(),
        ['ACKED', 'NACKED'],
      );
      await server.update([cluster('a', { connect_timeout: '8s' }), cluster('b', { connect_timeout: '9s' })]);
      await log.comes('a changed');
      assert.deepEqual(
        client.status().resources.map(({ state }) => state),
        ['ACKED', 'ACKED'],
      );
    });

    it(`${variant}: a restarted server finds the client again, and tells it only what is new`, async () => {
      const { server, log, watch } = await connect([cluster('a'), cluster('b')]);
      watch('cluster', 'a');
      watch('cluster', 'b');
      await log.comes('b changed');
      await server.restart();
      await server.update([cluster('a'), cluster('b', { connect_timeout: '9s' })]);
      await log.comes('b changed');
      assert.equal(log.history.filter((line) => line === 'a changed').length, 1);
    });
  }
}

describe('xDS client and the embedded control plane', () => behaves(startEmbedded));
describeWithPeers(['gcp'], 'xDS client and go-control-plane', () => behaves(startGoControlPlane));

describe('xDS client and a server of one variant', () => {
  for (const [has, asked] of [
    ['sotw', 'delta'],
    ['delta', 'sotw'],
  ] as const) {
    it(`speaks ${has} where ${asked} is not implemented`, async () => {
      const plane = await startControlPlane({ resources: [cluster('a')], variants: [has] });
      const transport = grpcChannel({ target: plane.address, tls: null });
      const client = new AdsClient({
        transport,
        serverUri: plane.address,
        node: { id: 'n', cluster: 'c', metadata: {}, locality: { region: '', zone: '', subZone: '' } },
        userAgentVersion: '0',
        types: resourceTypes(),
        onError: (error) => {
          throw error;
        },
        variant: asked,
      });
      const log = new Log();
      client.watch('cluster', 'a', {
        changed: () => log.tell('changed'),
        resourceError: ({ code }) => log.tell(code),
        ambientError: ({ code }) => log.tell(code),
      });
      await log.comes('changed');
      assert.deepEqual(log.said, []);
      assert.equal(client.status().stream.variant, has);
      client.close();
      transport.close();
      await plane.close();
    });
  }
});
