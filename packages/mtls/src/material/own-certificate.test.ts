import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { inspect } from 'node:util';
import { CertificateAuthority, derBlocks, type KeyType } from '../ca/index.ts';
import type { CertifiedKey } from '../identity.ts';
import { partsOf, readCertificateOf, secret } from '../testing/material.ts';
import { LEGACY_PKCS12, PKCS12 } from '../testing/pkcs12-files.ts';
import { makeMaterial } from './build-material.ts';
import { openCertificate } from './own-certificate.ts';

describe('own certificates', () => {
  let root: CertificateAuthority;
  let leaf: CertifiedKey;
  let key: KeyObject;

  before(async () => {
    root = await CertificateAuthority.create();
    leaf = await root.issue({ uris: ['spiffe://td.example/ns/a/sa/b'] });
    key = createPrivateKey(Buffer.from(leaf.key.reveal()));
  });

  const withKey = (pem: string | Buffer, password: string | null = null) =>
    openCertificate(
      readCertificateOf(leaf, { privateKey: secret(pem), password: password === null ? null : secret(password) }),
    );

  for (const keyType of ['ecdsa-p256', 'ecdsa-p384', 'rsa-2048', 'ed25519'] satisfies KeyType[]) {
    it(`takes a key of ${keyType}`, async () => {
      const certified = await root.issue({ keyType, dnsNames: ['b.example'] });
      const { own } = makeMaterial(partsOf({ certificates: [readCertificateOf(certified)] }));
      assert.equal(own[0]?.notAfter, certified.notAfter);
    });
  }

  it('opens SEC 1 and PKCS #1', async () => {
    assert.ok(withKey(key.export({ type: 'sec1', format: 'pem' })).key.includes('BEGIN PRIVATE KEY'));
    const rsa = await root.issue({ keyType: 'rsa-2048' });
    const pkcs1 = createPrivateKey(Buffer.from(rsa.key.reveal())).export({ type: 'pkcs1', format: 'pem' });
    assert.ok(openCertificate(readCertificateOf(rsa, { privateKey: secret(pkcs1) })).key.includes('BEGIN PRIVATE KEY'));
  });

  for (const type of ['pkcs8', 'sec1'] as const) {
    it(`opens a locked key of ${type}`, () => {
      const locked = key.export({ type, format: 'pem', cipher: 'aes-256-cbc', passphrase: 'open' });
      assert.ok(withKey(locked, 'open').key.includes('BEGIN PRIVATE KEY'));
      assert.throws(
        () => withKey(locked, 'no'),
        /^Error: secret default: the private key cannot be opened: is the password right\?$/,
      );
      assert.throws(() => withKey(locked), /secret default: the private key is locked: give its password/);
    });
  }

  it('keeps the order of a chain, whatever stands between its certificates', async () => {
    const middle = await root.intermediate();
    const { chain } = await middle.issue();
    const noisy = `# leaf\n${chain.replaceAll('\n', '\r\n')}\nsubject=x\n`;
    const certified = await middle.issue();
    const own = openCertificate(
      readCertificateOf(certified, { certificateChain: Buffer.from(`\n# first\n${certified.chain}`) }),
    );
    assert.deepEqual(derBlocks(own.chain, 'CERTIFICATE'), derBlocks(certified.chain, 'CERTIFICATE'));
    assert.equal(derBlocks(noisy, 'CERTIFICATE').length, 2);
  });

  it('opens PKCS #12, and trusts nothing that is in it', () => {
    const own = openCertificate({
      place: 'secret default',
      certificateChain: null,
      privateKey: null,
      pkcs12: secret(PKCS12),
      password: secret('pässword'),
    });
    assert.equal(own.leaf.x509.subject, 'CN=leaf');
    assert.equal(derBlocks(own.chain, 'CERTIFICATE').length, 2);
  });

  const refusals: [string, () => unknown, RegExp][] = [
    ['a key of another certificate', () => withKey(otherKey()), /the private key is not that of the certificate/],
    ['a key that is none', () => withKey('nothing'), /the private key cannot be read: it must be PEM/],
    ['no key', () => openCertificate(readCertificateOf(leaf, { privateKey: null })), /the private_key is missing/],
    [
      'no chain',
      () => openCertificate(readCertificateOf(leaf, { certificateChain: null })),
      /the certificate_chain is missing/,
    ],
    ['a chain without certificates', () => chainOf('text'), /there is no certificate in it/],
    [
      'a chain that is cut off',
      () => chainOf(leaf.chain.slice(0, -30)),
      /a block of PEM is cut off or damaged: CERTIFICATE/,
    ],
    [
      'a chain with other letters',
      () => chainOf(leaf.chain.replace('MII', '***')),
      /a block of PEM is cut off or damaged/,
    ],
    [
      'a chain whose last is damaged',
      () => chainOf(leaf.chain + leaf.chain.replace('MII', 'MIJ')),
      /a certificate in it cannot be read/,
    ],
    [
      'PKCS #12 with another password',
      () => pkcs12(PKCS12, 'no'),
      /pkcs12: it cannot be opened: is the password right/,
    ],
    ['PKCS #12 of old ciphers', () => pkcs12(LEGACY_PKCS12, 'x'), /export it with OpenSSL 3 or newer, without -legacy/],
    ['PKCS #12 that is none', () => pkcs12(Buffer.from('nothing'), 'x'), /pkcs12: /],
  ];
  const chainOf = (pem: string) => openCertificate(readCertificateOf(leaf, { certificateChain: Buffer.from(pem) }));
  const otherKey = () =>
    generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' });
  const pkcs12 = (bytes: Buffer, password: string) =>
    openCertificate({
      ...readCertificateOf(leaf),
      certificateChain: null,
      privateKey: null,
      pkcs12: secret(bytes),
      password: secret(password),
    });
  for (const [what, open, text] of refusals) {
    it(`refuses ${what}, by the name of the secret`, () => {
      assert.throws(open, (error: Error) => {
        assert.match(error.message, text);
        assert.ok(error.message.startsWith('secret default: '));
        assert.doesNotMatch(inspect(error, { depth: 9 }), /PRIVATE KEY|<Buffer|routines/);
        return true;
      });
    });
  }

  it('refuses an RSA key of 1024 bits, as Envoy', () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const request = { publicKey, names: {} };
    const chain = Buffer.from(root.sign(request, {}));
    assert.throws(
      () => openCertificate(readCertificateOf(leaf, { certificateChain: chain })),
      /an RSA key of 1024 bits is too short: use 2048/,
    );
  });
});
