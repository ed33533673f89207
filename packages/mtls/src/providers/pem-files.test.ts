import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { VirtualClock } from '@inmesh/core';
import { CertificateAuthority, derBlocks } from '../ca/index.ts';
import { type WatchDirectory, watchDirectory } from '../files/watch-directory.ts';
import type { IdentityProvider } from '../identity.ts';
import { identityProviderSuite, type ProviderScene } from '../testing/identity-provider-suite.ts';
import { IdentityRecorder } from '../testing/identity-recorder.ts';
import { folderContent, type PemFolder, plainFolder, swappedFolder } from '../testing/pem-folder.ts';
import { fileWatcher } from './file-watcher.ts';
import { type FileProviderParts, pemFiles } from './pem-files.ts';

const URI = 'spiffe://td.example/ns/a/sa/b';
const HOUR_MS = 3_600_000;

/** A world of files in which only our own clock moves, and what is watched is counted. */
class FileWorld implements ProviderScene {
  readonly clock = new VirtualClock(Date.now());
  readonly folder: PemFolder;
  readonly provider: IdentityProvider;
  readonly place: string;
  readonly uri = URI;
  readonly #authority: CertificateAuthority;
  readonly #bundleMap: boolean;
  #watches = 0;

  constructor(folder: PemFolder, authority: CertificateAuthority, make: MakeProvider, bundleMap: boolean) {
    this.folder = folder;
    this.place = folder.certFile;
    this.#authority = authority;
    this.#bundleMap = bundleMap;
    const watch: WatchDirectory = (directory, changed) => {
      const inner = watchDirectory(directory, changed);
      this.#watches++;
      return {
        renew: () => inner.renew(),
        end: () => {
          this.#watches--;
          inner.end();
        },
      };
    };
    this.provider = make(folder, { clock: this.clock, watchDirectory: watch, onError: () => undefined });
  }

  async serve(): Promise<void> {
    const roots = this.#bundleMap ? trustBundleMap({ 'td.example': this.#authority.root }) : this.#authority.root;
    this.folder.write(folderContent(await this.#authority.issue({ uris: [URI] }), roots));
  }

  async serveExpired(): Promise<void> {
    const now = this.clock.wallNow();
    const notBefore = now - 2 * HOUR_MS;
    const expired = await this.#authority.issue({ uris: [URI], notBefore, notAfter: now - HOUR_MS });
    this.folder.write({ ...folderContent(expired, this.#authority.root) });
  }

  async spoil(): Promise<void> {
    const { chain } = await this.#authority.issue({ uris: [URI] });
    const { key } = await this.#authority.issue({ uris: [URI] });
    this.folder.write({ chain, key: key.reveal(), roots: this.#authority.root });
  }

  held(): number {
    return this.#watches + this.clock.pending;
  }

  pass(): void {
    this.clock.advance(50);
  }

  async close(): Promise<void> {
    this.folder.remove();
  }
}

type MakeProvider = (folder: PemFolder, parts: FileProviderParts) => IdentityProvider;

function trustBundleMap(roots: { readonly [domain: string]: string }): string {
  const bundles = Object.entries(roots).map(([domain, pem]) => {
    const keys = derBlocks(pem, 'CERTIFICATE').map((der) => ({
      kty: 'EC',
      use: 'x509-svid',
      x5c: [der.toString('base64')],
    }));
    return [domain, { spiffe_sequence: 1, keys: [...keys, { kty: 'EC', use: 'jwt-svid', kid: 'k' }] }];
  });
  return JSON.stringify({ trust_domains: Object.fromEntries(bundles) });
}

const makePemFiles: MakeProvider = ({ certFile, keyFile, caFile }, parts) =>
  pemFiles({ certFile, keyFile, caFile }, parts);

const makeFileWatcher: MakeProvider = ({ certFile, keyFile, caFile }, parts) =>
  fileWatcher({ certificate_file: certFile, private_key_file: keyFile, ca_certificate_file: caFile }, parts);

const makeMapWatcher: MakeProvider = ({ certFile, keyFile, caFile }, parts) =>
  fileWatcher(
    {
      certificate_file: certFile,
      private_key_file: keyFile,
      ca_certificate_file: '/not/looked/at',
      spiffe_trust_bundle_map_file: caFile,
    },
    parts,
  );

for (const [name, folder, make, bundleMap] of [
  ['pemFiles, written in place', plainFolder, makePemFiles, false],
  ['pemFiles, swapped by a link as Kubernetes does', swappedFolder, makePemFiles, false],
  ['file_watcher', swappedFolder, makeFileWatcher, false],
  ['file_watcher with a map of trust bundles', plainFolder, makeMapWatcher, true],
] as const) {
  identityProviderSuite(name, async () =>
    Promise.resolve(new FileWorld(folder(), await CertificateAuthority.create(), make, bundleMap)),
  );
}

describe('pemFiles', () => {
  let world: FileWorld;
  let recorder: IdentityRecorder;

  beforeEach(async () => {
    world = new FileWorld(plainFolder(), await CertificateAuthority.create(), makePemFiles, false);
    recorder = new IdentityRecorder(() => world.pass());
  });

  afterEach(() => world.close());

  it('waits for the other half of a renewal without a word', async () => {
    await world.serve();
    const unwatch = recorder.watching(world.provider);
    const authority = await CertificateAuthority.create();
    const next = folderContent(await authority.issue({ uris: [URI] }), authority.root);
    writeFileSync(world.folder.certFile, next.chain);
    for (let passed = 0; passed < 900; passed += 100) world.clock.advance(100);
    assert.equal(recorder.news.length, 1);
    writeFileSync(world.folder.keyFile, next.key);
    writeFileSync(world.folder.caFile, next.roots);
    await recorder.until('the renewed identity', () => recorder.identity?.certificate?.chain === next.chain);
    unwatch();
    assert.equal(recorder.count('ambientError'), 0);
  });

  it('says that all is well again when the old files come back', async () => {
    await world.serve();
    const unwatch = recorder.watching(world.provider);
    const { certificate } = recorder.identity!;
    writeFileSync(world.folder.keyFile, 'no key');
    await recorder.until('a warning', () => recorder.count('ambientError') > 0);
    const [, warning] = recorder.news;
    assert.ok(warning?.kind === 'ambientError');
    assert.match(warning.error.message, /tls\.key holds no private key in PEM/);
    writeFileSync(world.folder.keyFile, certificate!.key.reveal());
    await recorder.until('the end of it', () => recorder.count('recovered') > 0);
    unwatch();
    assert.equal(recorder.count('changed'), 1);
  });

  it('looks by itself where the system tells of nothing', async () => {
    const { certFile, keyFile } = world.folder;
    const deaf: WatchDirectory = () => ({ renew: () => undefined, end: () => undefined });
    const { clock } = world;
    const provider = pemFiles({ certFile, keyFile, refreshMs: 5_000 }, { clock, watchDirectory: deaf });
    await world.serve();
    const unwatch = recorder.watching(provider);
    await world.serve();
    clock.advance(4_999);
    assert.equal(recorder.count('changed'), 1);
    clock.advance(1);
    assert.equal(recorder.count('changed'), 2);
    unwatch();
  });

  it('follows a folder that is made later, or made anew', async () => {
    const { folder, clock } = world;
    folder.remove();
    const unwatch = recorder.watching(world.provider);
    await recorder.until('an error', () => recorder.count('resourceError') > 0);
    mkdirSync(folder.path);
    await world.serve();
    clock.advance(30_000);
    assert.equal(recorder.count('changed'), 1);
    const second = await recorder.next(() => world.serve());
    unwatch();
    assert.ok(second.certificate !== null);
  });

  it('takes keys in the older forms, and gives PKCS #8', async () => {
    const authority = await CertificateAuthority.create();
    const leaf = await authority.issue({ uris: [URI], keyType: 'rsa-2048' });
    const legacy = createPrivateKey(Buffer.from(leaf.key.reveal())).export({ type: 'pkcs1', format: 'pem' });
    world.folder.write({ chain: `Bag Attributes\n${leaf.chain}`, key: legacy, roots: authority.root });
    const unwatch = recorder.watching(world.provider);
    unwatch();
    assert.equal(recorder.identity?.certificate?.chain, leaf.chain);
    assert.deepEqual(Buffer.from(recorder.identity.certificate.key.reveal()), Buffer.from(leaf.key.reveal()));
  });

  it('knows roots alone, and a list of revoked certificates', async () => {
    const authority = await CertificateAuthority.create();
    const crlFile = join(world.folder.path, 'ca.crl');
    const crl = authority.revocationList([]);
    writeFileSync(crlFile, crl);
    writeFileSync(world.folder.caFile, authority.root);
    const provider = pemFiles({ caFile: world.folder.caFile, crlFile }, { clock: world.clock });
    const unwatch = recorder.watching(provider);
    unwatch();
    assert.equal(recorder.identity?.certificate, null);
    assert.deepEqual(recorder.identity.trust, { roots: authority.root, byTrustDomain: null, crl });
  });

  it('refuses options of no use', () => {
    assert.throws(() => pemFiles({ certFile: 'a' }), /must be given together/);
    assert.throws(() => pemFiles({}), /no file is named/);
  });
});

describe('fileWatcher', () => {
  const files = { certificate_file: 'a', private_key_file: 'b' };
  for (const [what, config, text] of [
    ['a certificate without its key', { certificate_file: 'a' }, /certificate_file, private_key_file.*given together/],
    ['no file at all', { certificate_file: '' }, /no file is named/],
    ['a path that is none', { ...files, ca_certificate_file: 5 }, /^Error: ca_certificate_file: 5 is no path/],
    [
      'an interval without its unit',
      { ...files, refresh_interval: '600' },
      /^Error: refresh_interval: "600" is no dur/,
    ],
  ] as const) {
    it(`refuses ${what}`, () => assert.throws(() => fileWatcher(config), text));
  }

  it('looks as often as it is told, every 600 s by default', async () => {
    for (const [config, ms] of [
      [{}, 600_000],
      [{ refresh_interval: '2.5s' }, 2_500],
      [{ refresh_interval: '0s' }, 1_000],
    ] as const) {
      const clock = new VirtualClock(Date.now());
      const delays: number[] = [];
      const setTimer: typeof clock.setTimer = (delay, callback) => {
        delays.push(delay);
        return clock.setTimer(delay, callback);
      };
      const provider = fileWatcher(
        { ...files, ...config },
        { clock: { now: () => 0, wallNow: () => 0, setTimer, afterInput: () => undefined } },
      );
      provider.watch(new IdentityRecorder())();
      assert.ok(delays.includes(ms), `${delays}`);
    }
  });
});
