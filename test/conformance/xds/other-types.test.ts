// Secrets (SDS), configurations of extensions (ECDS) and runtime layers (RTDS) over ADS: asked for by name, kept where a response
// says nothing of them, and with secrets seen by nobody but who watches them.
import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { type ResourceInput, startControlPlane } from '@inmesh/control-plane';
import type { Kind, Secret } from '@inmesh/core';
import { grpcChannel } from '@inmesh/transports/rpc';
import { AdsClient, type AdsVariant, type KeptResource, resourceTypes } from '@inmesh/xds';
import { certificate, extensionConfig, runtimeLayer, validationContext } from '../../support/feed.ts';
import { Heard, type Scene, scene, turn } from './scripted.ts';

const made: {
  readonly [K in 'secret' | 'extensionConfig' | 'runtime']: (name: string, content: number) => ResourceInput;
} = {
  secret: (name, content) => certificate(name, `key ${content}`),
  extensionConfig: (name, content) => extensionConfig(name, { max_request_bytes: content }),
  runtime: (name, content) => runtimeLayer(name, { content }),
};

function keyOf(secret: Secret): string {
  if (secret.kind !== 'tls_certificate' || secret.certificate.privateKey?.kind !== 'inline') return assert.fail();
  return Buffer.from(secret.certificate.privateKey.bytes.reveal()).toString();
}

for (const variant of ['sotw', 'delta'] as const satisfies readonly AdsVariant[]) {
  const start = (): Scene => scene({ variant });

  describe(`xDS client, other types, ${variant}`, () => {
    for (const kind of ['secret', 'extensionConfig', 'runtime'] as const) {
      it(`takes a ${kind} by name, follows it, and keeps it when a response does not have it`, async () => {
        const { server, client, watch, clock } = start();
        const a = watch(kind, 'a');
        const b = watch(kind, 'b');
        await turn();
        assert.deepEqual(server.stream.asked(), [{ type: kind, wanted: ['a', 'b'] }]);
        server.stream.respond(kind, 'v1', [made[kind]('a', 1)]);
        server.stream.respond(kind, 'v2', [made[kind]('b', 1)]);
        server.stream.respond(kind, 'v3', [made[kind]('a', 2)]);
        assert.deepEqual([a.said, b.said], [['changed', 'changed'], ['changed']]);
        server.stream.end();
        clock.advance(60_000);
        assert.deepEqual([a.said.at(-1), b.said.at(-1)], ['changed', 'changed']);
        assert.deepEqual(
          client.status().resources.map(({ state }) => state),
          ['ACKED', 'ACKED'],
        );
      });

      it(`says after its timer that there is no such ${kind}`, async () => {
        const { server, clock, watch } = start();
        const heard = watch(kind, 'a');
        await turn();
        server.stream.open();
        clock.advance(15_000);
        assert.equal(heard.said.length, 1);
        assert.match(heard.failures[0]?.message ?? '', new RegExp(`${kind} "a"`));
        server.stream.respond(kind, 'v1', [made[kind]('a', 1)]);
        assert.equal(heard.said.at(-1), 'changed');
      });
    }

    it('refuses a bad one of each and keeps what was', async () => {
      const { server, client, watch } = start();
      const heard = (['secret', 'extensionConfig', 'runtime'] as const).map((kind) => watch(kind, 'a'));
      await turn();
      const bad: { readonly [K in keyof typeof made]: ResourceInput } = {
        secret: { '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret', name: 'a' },
        extensionConfig: { '@type': 'type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig', name: 'a' },
        runtime: runtimeLayer('a', { list: [1] }),
      };
      for (const kind of ['secret', 'extensionConfig', 'runtime'] as const) {
        server.stream.respond(kind, 'v1', [made[kind]('a', 1)]);
        server.stream.respond(kind, 'v2', [bad[kind]]);
      }
      assert.deepEqual(
        heard.map(({ said }) => said),
        Array(3).fill(['changed', 'ambient invalid_config']),
      );
      assert.deepEqual(
        client.status().resources.map(({ state, version }) => `${state} ${version}`),
        Array(3).fill('NACKED v1'),
      );
    });

    it('shows nothing of a secret to anybody but its watcher, and remembers none', async () => {
      const kept: string[] = [];
      const memory = {
        recall: (kind: Kind): KeptResource | null => {
          kept.push(`recall ${kind}`);
          return null;
        },
        keep: (kind: Kind): void => {
          kept.push(`keep ${kind}`);
        },
        forget: (kind: Kind): void => {
          kept.push(`forget ${kind}`);
        },
      };
      const { server, client, errors } = scene({ variant, memory });
      const heard = new Heard();
      client.watch('secret', 'a', heard);
      client.watch('runtime', 'r', new Heard());
      await turn();
      server.stream.respond('runtime', 'v1', [runtimeLayer('r', {})]);
      server.stream.respond('secret', 'v1', [certificate('a', 'hush')]);
      const broken = validationContext('a', { trusted_ca: {}, verify_certificate_hash: ['hush'] });
      server.stream.respond('secret', 'v2', [broken]);
      assert.equal(keyOf(heard.values[0] as Secret), 'hush');
      const told = inspect([client.status(), heard.failures, server.stream.asked(), errors], { depth: 9 });
      assert.doesNotMatch(told, /hush/);
      assert.ok(!told.includes([...Buffer.from('hush')].join(', ')));
      assert.ok(kept.includes('keep runtime'));
      assert.deepEqual(
        kept.filter((each) => each.endsWith('secret')),
        [],
      );
    });

    it('takes them from the embedded control plane, and hears of changes', async () => {
      const plane = await startControlPlane({
        resources: [certificate('a', 'key 1'), extensionConfig('e', {}), runtimeLayer('r', { x: 1 })],
        listen: { port: 0 },
      });
      const transport = grpcChannel({ target: plane.address, tls: null });
      const client = new AdsClient({
        transport,
        serverUri: plane.address,
        node: { id: 'node-1', cluster: '', metadata: {}, locality: { region: '', zone: '', subZone: '' } },
        userAgentVersion: '1.0.0',
        types: resourceTypes(),
        onError: assert.fail,
        variant,
      });
      try {
        const next = <K extends Kind>(kind: K, name: string, isIt: (value: unknown) => boolean): Promise<void> =>
          new Promise((resolve, reject) => {
            const unwatch = client.watch(kind, name, {
              changed: (value) => {
                if (!isIt(value)) return;
                setImmediate(() => unwatch());
                resolve();
              },
              resourceError: reject,
              ambientError: reject,
            });
          });
        const hold = new Heard();
        client.watch('secret', 'a', hold);
        await next('secret', 'a', (value) => keyOf(value as Secret) === 'key 1');
        await next('extensionConfig', 'e', () => true);
        await next('runtime', 'r', () => true);
        const rotated = next('secret', 'a', (value) => keyOf(value as Secret) === 'key 2');
        plane.update([certificate('a', 'key 2')]);
        await rotated;
        assert.deepEqual(hold.said, ['changed', 'changed']);
      } finally {
        client.close();
        transport.close();
        await plane.close();
      }
    });
  });
}
