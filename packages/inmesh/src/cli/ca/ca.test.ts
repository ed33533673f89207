import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, VirtualClock } from '@inmesh/core';
import { fileWatcher, type Identity } from '@inmesh/mtls';
import { main } from '../main.ts';
import { caCommand } from './command.ts';

const HOUR_MS = 3_600_000;

describe('inmesh ca', () => {
  let folder: string;
  let out: string[];
  let err: string[];

  beforeEach(() => {
    folder = join(mkdtempSync(join(tmpdir(), 'inmesh-ca-')), 'td');
    out = [];
    err = [];
  });

  afterEach(() => rmSync(join(folder, '..'), { recursive: true }));

  const io = (signal?: AbortSignal) => ({
    out: (line: string) => out.push(line),
    err: (line: string) => err.push(line),
    env: {},
    ...(signal !== undefined && { signal }),
  });
  const run = (...args: string[]) => main(['ca', folder, ...args], io());
  const certificate = (...path: string[]) => new X509Certificate(readFileSync(join(folder, ...path)));

  it('makes a trust domain and a workload of it in one command, with keys for the owner alone', async () => {
    assert.equal(await run('default/reviews', '--name', 'reviews', '--name', '::1', '--trust-domain', 'td.example'), 0);
    const root = certificate('root.crt');
    assert.equal(root.subjectAltName, 'URI:spiffe://td.example');
    const leaf = certificate('default.reviews', 'tls.crt');
    assert.equal(
      leaf.subjectAltName,
      'URI:spiffe://td.example/ns/default/sa/reviews, DNS:reviews, IP Address:0:0:0:0:0:0:0:1',
    );
    assert.equal(leaf.verify(root.publicKey), true);
    assert.equal(
      leaf.checkPrivateKey(createPrivateKey(readFileSync(join(folder, 'default.reviews', 'tls.key')))),
      true,
    );
    assert.equal(
      readFileSync(join(folder, 'default.reviews', 'ca.crt'), 'utf8'),
      readFileSync(join(folder, 'root.crt'), 'utf8'),
    );
    const lifetime = leaf.validToDate.getTime() - systemClock.wallNow();
    assert.ok(lifetime > 23 * HOUR_MS && lifetime <= 24 * HOUR_MS, `${lifetime}`);
    for (const path of ['root.key', 'default.reviews/tls.key']) {
      assert.equal(statSync(join(folder, path)).mode & 0o777, 0o600, path);
    }
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    assert.match(out[0]!, /^made the trust domain td\.example: others must trust .*root\.crt$/);
    assert.match(out[1]!, /^issued spiffe:\/\/td\.example\/ns\/default\/sa\/reviews \(reviews, .*\) until 20.*Z in /);
  });

  it('says how to use it: the provider of a gRPC bootstrap that it prints is one', async () => {
    await run('default/web');
    const text = out.join('\n');
    const json = /"certificate_providers": (\{[\s\S]*?\n {2}\})/.exec(text)?.[1];
    const providers = JSON.parse(json!) as { readonly default: { readonly config: Record<string, unknown> } };
    const identities: Identity[] = [];
    const unwatch = fileWatcher(providers.default.config).watch({
      changed: (identity) => identities.push(identity),
      resourceError: assert.fail,
      ambientError: assert.fail,
    });
    unwatch();
    assert.equal(identities[0]?.certificate?.chain, readFileSync(join(folder, 'default.web', 'tls.crt'), 'utf8'));
    assert.match(text, /exact: "spiffe:\/\/cluster\.local\/ns\/default\/sa\/web"/);
  });

  it('writes secrets that are what SDS has', async () => {
    await run('default/web');
    for (const file of ['sds-default.yaml', 'sds-rootca.yaml']) {
      assert.equal(await main(['validate', join(folder, 'default.web', file)], io()), 0, `${out} ${err}`);
    }
  });

  it('issues any SPIFFE ID of its trust domain, with the key that is asked for', async () => {
    assert.equal(await run('spiffe://cluster.local/db/main', '--key-type', 'rsa-2048', '--ttl', '90s'), 0);
    const { publicKey } = certificate('db.main', 'tls.crt');
    assert.equal(publicKey.asymmetricKeyDetails?.modulusLength, 2048);
  });

  it('goes on with the trust domain of the folder, and lists what it holds', async () => {
    await run('default/web', 'default/api', '--trust-domain', 'td.example');
    const root = certificate('root.crt').fingerprint256;
    out.length = 0;
    assert.equal(await run(), 0);
    assert.equal(certificate('root.crt').fingerprint256, root);
    assert.match(
      out.join('\n'),
      /^trust domain td\.example, 2 workloads\n.*default\/sa\/api until .*\n.*default\/sa\/web until /,
    );
  });

  it('renews what is past half of its time, with the same names, kind of key and lifetime', async () => {
    const clock = new VirtualClock(Date.now());
    const at = (...args: string[]) => caCommand([folder, ...args], io(), clock);
    await at('default/web', '--name', 'web', '--key-type', 'ecdsa-p384', '--ttl', '2h');
    const first = certificate('default.web', 'tls.crt');
    clock.advance(HOUR_MS - 60_000);
    await at('--renew');
    assert.equal(certificate('default.web', 'tls.crt').fingerprint256, first.fingerprint256);
    clock.advance(60_000);
    await at('--renew');
    const second = certificate('default.web', 'tls.crt');
    assert.notEqual(second.fingerprint256, first.fingerprint256);
    assert.equal(second.subjectAltName, first.subjectAltName);
    assert.equal(second.publicKey.asymmetricKeyDetails?.namedCurve, 'secp384r1');
    const until = second.validToDate.getTime() - clock.wallNow();
    assert.ok(Math.abs(until - 2 * HOUR_MS) <= 1000, `${until}`);
    clock.advance(3 * HOUR_MS);
    out.length = 0;
    await at();
    assert.match(out.join('\n'), /expired: run with --renew/);
  });

  it('goes on renewing until it is ended', async () => {
    const clock = new VirtualClock(Date.now());
    const controller = new AbortController();
    await caCommand([folder, 'default/web', '--ttl', '1h'], io(), clock);
    const done = caCommand([folder, '--renew', '--watch'], io(controller.signal), clock);
    const renewed = () => out.filter((line) => line.startsWith('renewed')).length;
    for (const deadline = Date.now() + 10_000; renewed() < 3; ) {
      assert.ok(Date.now() < deadline, `${out}`);
      if (clock.pending > 0) clock.advance(30_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    controller.abort();
    assert.equal(await done, 0);
    assert.equal(clock.pending, 0);
  });

  const nothing = async () => undefined;
  const refused: [string, () => Promise<unknown>, string[], number, RegExp][] = [
    [
      'another trust domain',
      () => run(),
      ['--trust-domain', 'other'],
      1,
      /is the trust domain cluster\.local, not other/,
    ],
    ['a trust domain that is none', nothing, ['--trust-domain', 'A B'], 1, /"A B" cannot be a trust domain/],
    [
      'a workload of another one',
      nothing,
      ['spiffe://other/ns/a/sa/b'],
      1,
      /is of another trust domain: this folder is cl/,
    ],
    ['a workload that is none', nothing, ['web'], 1, /"web" names no workload: write namespace\/account/],
    ['a name that cannot be', nothing, ['a/b', '--name', 'bü'], 1, /"bü" cannot be the DNS name/],
    ['a lifetime that is none', nothing, ['a/b', '--ttl', '0h'], 2, /--ttl 0h: give a number and s, m, h or d/],
    ['a kind of key that is none', nothing, ['a/b', '--key-type', 'dsa'], 2, /--key-type dsa: use ecdsa-p256/],
    ['names of several workloads', nothing, ['a/b', 'a/c', '--name', 'x'], 2, /--name is for one workload/],
    ['watching without renewing', nothing, ['--watch'], 2, /--watch goes with --renew/],
    ['a root without its key', spoil(() => rmSync(join(folder, 'root.key'))), [], 1, /root\.crt without root\.key/],
    [
      'a root that is none',
      spoil(() => writeFileSync(join(folder, 'root.crt'), 'x')),
      [],
      1,
      /root\.crt is no certificate/,
    ],
    ['the key of another root', otherKey, [], 1, /root\.key: the key is not the one of the certificate/],
    ['a root that was made elsewhere', spoil(leafAsRoot), [], 1, /root\.crt does not name a trust domain/],
    ['a folder that is a file', async () => writeFileSync(folder, ''), [], 1, /root\.crt cannot be read: ENOTDIR/],
  ];
  for (const [what, prepare, args, code, text] of refused) {
    it(`refuses ${what}`, async () => {
      await prepare();
      assert.equal(await run(...args), code);
      assert.match(err.join('\n'), text);
      assert.doesNotMatch(err.join('\n') + out.join('\n'), /PRIVATE KEY/);
    });
  }

  it('asks for a folder', async () => {
    assert.equal(await main(['ca'], io()), 2);
    assert.match(err.join('\n'), /give a folder/);
  });

  function spoil(act: () => void): () => Promise<void> {
    return async () => {
      await run('a/b');
      act();
    };
  }

  function leafAsRoot(): void {
    writeFileSync(join(folder, 'root.crt'), readFileSync(join(folder, 'a.b', 'tls.crt')));
  }

  async function otherKey(): Promise<void> {
    await run();
    const other = `${folder}2`;
    await main(['ca', other], io());
    writeFileSync(join(folder, 'root.key'), readFileSync(join(other, 'root.key')));
  }
});
