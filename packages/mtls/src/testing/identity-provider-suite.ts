import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { inspect } from 'node:util';
import type { Watcher } from '@inmesh/core';
import { derBlocks } from '../ca/index.ts';
import type { Identity, IdentityProvider } from '../identity.ts';
import { IdentityRecorder } from './identity-recorder.ts';

/** A provider and the world that it looks at, which has nothing for it yet. One of its watchers will throw, which must not reach the test. */
export interface ProviderScene {
  readonly provider: IdentityProvider;
  /** What errors must name: the path, the address. */
  readonly place: string;
  /** The URI of the certificates that it is given; null for a provider of roots only. */
  readonly uri: string | null;
  /** From now on the world gives an identity; another one at each call. Called again after `spoil`, it is well. */
  serve(): Promise<void>;
  /** From now on what the world gives is of no use. */
  spoil(): Promise<void>;
  /** From now on the world gives a certificate whose time is over; absent where that cannot be. */
  serveExpired?(): Promise<void>;
  /** Files watched, sockets, streams and timers that the provider holds open. */
  held(): number;
  /** Lets time go by for the provider; absent where its clock runs by itself. */
  pass?(): void;
  close(): Promise<void>;
}

/** What every source of identities keeps to, whatever it talks to. Each `open` makes a world of its own. */
export function identityProviderSuite(name: string, open: () => Promise<ProviderScene>): void {
  describe(`${name}, as every identity provider`, () => {
    let scene: ProviderScene;
    let recorder: IdentityRecorder;

    beforeEach(async () => {
      scene = await open();
      recorder = recorderOf(scene);
    });

    afterEach(() => scene.close());

    it('tells the first identity: key and chain belong together, and the roots vouch for them', async () => {
      await scene.serve();
      const unwatch = recorder.watching(scene.provider);
      await recorder.until('an identity', () => recorder.identity !== null);
      unwatch();
      assertWhole(recorder.identity!, scene.uri);
      assert.deepEqual(
        recorder.news.map((each) => each.kind),
        ['changed'],
      );
    });

    it('tells an error that names the place while there is none, and the identity once there is', async () => {
      const unwatch = recorder.watching(scene.provider);
      await recorder.until('an error', () => recorder.count('resourceError') > 0);
      const [first] = recorder.news;
      assert.ok(first?.kind === 'resourceError');
      assert.ok(first.error.message.includes(scene.place), `${first.error.message} does not name ${scene.place}`);
      assertWhole(await recorder.next(() => scene.serve()), scene.uri);
      unwatch();
      assert.equal(recorder.count('ambientError'), 0);
    });

    it('tells a renewed identity, whole', async () => {
      await scene.serve();
      const unwatch = recorder.watching(scene.provider);
      await recorder.until('an identity', () => recorder.identity !== null);
      const first = recorder.identity!;
      const second = await recorder.next(() => scene.serve());
      unwatch();
      assertWhole(second, scene.uri);
      assert.notDeepEqual(shown(second), shown(first));
    });

    it('keeps the last identity in force when what follows is of no use, says so, and takes the next good one', async () => {
      await scene.serve();
      const unwatch = recorder.watching(scene.provider);
      await recorder.until('an identity', () => recorder.identity !== null);
      const first = recorder.identity!;
      await scene.spoil();
      await recorder.until('a warning', () => recorder.count('ambientError') > 0);
      assert.equal(recorder.count('changed'), 1);
      assert.equal(recorder.count('resourceError'), 0);

      const late = recorderOf(scene);
      const unwatchLate = late.watching(scene.provider);
      await late.until('what is in force, and what is wrong', () => late.count('ambientError') > 0);
      assert.equal(late.identity, first);
      unwatchLate();

      assertWhole(await recorder.next(() => scene.serve()), scene.uri);
      unwatch();
    });

    it('never offers a certificate whose time is over', async function () {
      const { serveExpired } = scene;
      if (serveExpired === undefined) return this.skip();
      await serveExpired.call(scene);
      const unwatch = recorder.watching(scene.provider);
      await recorder.until('an error', () => recorder.count('resourceError') > 0);
      const [first] = recorder.news;
      assert.ok(first?.kind === 'resourceError');
      assert.match(first.error.message, /expired/);
      await recorder.next(() => scene.serve());
      await scene.serveExpired?.();
      await recorder.until('a warning', () => recorder.count('ambientError') > 0);
      unwatch();
      assert.equal(recorder.count('changed'), 1);
    });

    it('tells two watchers the same, goes on for one when the other leaves, and for all when one throws', async () => {
      await scene.serve();
      const unwatchBad = scene.provider.watch(new ThrowingWatcher());
      const second = recorderOf(scene);
      const unwatchFirst = recorder.watching(scene.provider);
      await recorder.until('an identity', () => recorder.identity !== null);
      const unwatchSecond = second.watching(scene.provider);
      await second.until('what is known already', () => second.identity !== null);
      assert.equal(second.identity, recorder.identity);

      unwatchFirst();
      unwatchFirst();
      const { length } = recorder.news;
      await second.next(() => scene.serve());
      assert.equal(recorder.news.length, length);
      unwatchSecond();
      unwatchBad();
    });

    it('holds nothing open before the first watcher and after the last, and begins anew with the next', async () => {
      assert.equal(scene.held(), 0);
      await scene.serve();
      const unwatch = recorder.watching(scene.provider);
      await recorder.until('an identity', () => recorder.identity !== null);
      assert.ok(scene.held() > 0);
      unwatch();
      await recorder.until('nothing is held', () => scene.held() === 0);
      const { length } = recorder.news;

      await scene.serve();
      const next = recorderOf(scene);
      const unwatchNext = next.watching(scene.provider);
      await next.until('an identity', () => next.identity !== null);
      assertWhole(next.identity!, scene.uri);
      assert.equal(recorder.news.length, length, 'the one who left was told more');
      unwatchNext();
      await next.until('nothing is held', () => scene.held() === 0);
    });

    it('shows no key to whoever prints, serializes or inspects it', async () => {
      await scene.serve();
      const unwatch = recorder.watching(scene.provider);
      await recorder.until('an identity', () => recorder.identity !== null);
      const identity = recorder.identity!;
      await scene.spoil();
      await recorder.until('a warning', () => recorder.count('ambientError') > 0);
      const everything = [scene.provider, recorder.news];
      const text = inspect(everything, { depth: 20, showHidden: true, getters: true, maxStringLength: null });
      unwatch();
      for (const secret of secretsOf(identity)) {
        for (const each of [text, JSON.stringify(everything), String(identity.certificate?.key)]) {
          assert.equal(each.includes(secret), false, 'a key can be seen');
        }
      }
    });
  });
}

class ThrowingWatcher implements Watcher<Identity> {
  changed(): never {
    throw new Error('a watcher that throws');
  }

  resourceError(): never {
    return this.changed();
  }

  ambientError(): never {
    return this.changed();
  }
}

function recorderOf(scene: ProviderScene): IdentityRecorder {
  return new IdentityRecorder(() => scene.pass?.());
}

function assertWhole({ certificate, trust }: Identity, uri: string | null): void {
  if (uri === null) {
    assert.equal(certificate, null);
    assert.ok(trust !== null);
    return;
  }
  assert.ok(certificate !== null);
  const chain = derBlocks(certificate.chain, 'CERTIFICATE').map((der) => new X509Certificate(der));
  const [leaf] = chain;
  assert.ok(leaf !== undefined);
  assert.equal(
    leaf.checkPrivateKey(createPrivateKey(Buffer.from(certificate.key.reveal()))),
    true,
    'the key is of another certificate',
  );
  assert.equal(leaf.validToDate.getTime(), certificate.notAfter);
  assert.equal(leaf.subjectAltName, `URI:${uri}`);
  if (trust === null) return;
  const pem = trust.byTrustDomain?.get(new URL(uri).host) ?? trust.roots;
  const roots = derBlocks(pem, 'CERTIFICATE').map((der) => new X509Certificate(der));
  const top = chain.at(-1)!;
  const vouchers = [...roots, ...chain.slice(1)];
  assert.ok(
    roots.some((root) => top.verify(root.publicKey)) && vouchers.some((each) => leaf.verify(each.publicKey)),
    'the roots do not vouch for the chain',
  );
}

/** What is told apart from another identity by looking at it. */
function shown({ certificate, trust }: Identity): unknown {
  return [certificate?.chain, trust?.roots, trust?.byTrustDomain && [...trust.byTrustDomain]];
}

function secretsOf({ certificate }: Identity): readonly string[] {
  if (certificate === null) return [];
  const pem = Buffer.from(certificate.key.reveal()).toString('latin1');
  const lines = pem.split('\n').filter((line) => line.length > 20 && !line.startsWith('-----'));
  return [
    ...lines,
    Buffer.from(certificate.key.reveal()).toString('base64').slice(0, 60),
    Buffer.from(certificate.key.reveal()).toString('hex').slice(0, 60),
  ];
}
