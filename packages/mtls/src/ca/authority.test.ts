import assert from 'node:assert/strict';
import { createPublicKey, X509Certificate } from 'node:crypto';
import { inspect } from 'node:util';
import { systemClock } from '@inmesh/core';
import { handshake, tlsIdentity } from '../testing/handshake.ts';
import {
  CertificateAuthority,
  derBlocks,
  generateKey,
  issueSelfSigned,
  type KeyType,
  makeCertificateRequest,
  pemOf,
  readCertificateRequest,
} from './index.ts';

const HOUR_MS = 3_600_000;

describe('CertificateAuthority', () => {
  let root: CertificateAuthority;

  before(async () => {
    root = await CertificateAuthority.create({ uris: ['spiffe://td.example'] });
  });

  for (const keyType of ['ecdsa-p256', 'ecdsa-p384', 'rsa-2048', 'ed25519'] satisfies KeyType[]) {
    it(`issues for ${keyType}, by an authority of ${keyType}: both sides of a handshake are content`, async () => {
      const own = await CertificateAuthority.create({ keyType });
      const server = await own.issue({ keyType, dnsNames: ['b.example'] });
      const client = await own.issue({ keyType, uris: ['spiffe://td.example/ns/a/sa/b'] });
      const seen = await handshake(
        { ...tlsIdentity(server), ca: own.root, requestCert: true, rejectUnauthorized: true },
        { ...tlsIdentity(client), ca: own.root },
      );
      assert.equal(seen.verdict, '');
      assert.equal(seen.peer.subjectaltname, 'DNS:b.example');
    });
  }

  it('writes names of every kind, which are critical where there is no common name', async () => {
    const { chain } = await root.issue({
      uris: ['spiffe://td.example/ns/a/sa/b'],
      dnsNames: ['a.example', '*.b.example'],
      ips: ['10.0.0.1', '2001:db8::1'],
      emails: ['a@b.example'],
      otherNames: [{ oid: '1.2.3.4', text: 'x' }],
    });
    const certificate = new X509Certificate(chain);
    assert.equal(
      certificate.subjectAltName,
      'URI:spiffe://td.example/ns/a/sa/b, DNS:a.example, DNS:*.b.example, IP Address:10.0.0.1, IP Address:2001:DB8:0:0:0:0:0:1, email:a@b.example, othername:<unsupported>',
    );
    assert.equal(certificate.subject, undefined);
    assert.equal(certificate.ca, false);
    assert.equal(certificate.checkIssued(new X509Certificate(root.root)), true);
  });

  it('gives the validity, the usage and the common name that were asked for', async () => {
    const notBefore = Date.UTC(2001, 0, 1);
    const notAfter = Date.UTC(2060, 5, 1, 12, 30, 15);
    const leaf = await root.issue({ commonName: 'caller', notBefore, notAfter: notAfter + 999, usages: ['client'] });
    const certificate = new X509Certificate(leaf.chain);
    assert.equal(certificate.subject, 'CN=caller');
    assert.equal(certificate.validFromDate.getTime(), notBefore);
    assert.equal(certificate.validToDate.getTime(), notAfter);
    assert.equal(leaf.notAfter, notAfter);
    assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.2']);
  });

  it('is good for a day unless told otherwise, from a little before now', async () => {
    const clock = { ...systemClock, wallNow: () => Date.UTC(2030, 0, 2) };
    const own = await CertificateAuthority.create({}, clock);
    const certificate = new X509Certificate((await own.issue()).chain);
    assert.equal(certificate.validFromDate.getTime(), clock.wallNow() - 120_000);
    assert.equal(certificate.validToDate.getTime(), clock.wallNow() + 24 * HOUR_MS);
  });

  it('vouches for an authority below, whose leaves come with the chain up to below the root', async () => {
    const first = await root.intermediate({ commonName: 'first' });
    const second = await first.intermediate({ commonName: 'second', pathLength: 0 });
    const leaf = await second.issue({ dnsNames: ['b.example'] });
    const subjects = derBlocks(leaf.chain, 'CERTIFICATE').map((der) => new X509Certificate(der).subject);
    assert.deepEqual(subjects, [undefined, 'CN=second', 'CN=first']);
    assert.equal(second.root, root.root);
    assert.equal((await handshake(tlsIdentity(leaf), { ca: root.root })).verdict, '');

    const withoutChain = pemOf('CERTIFICATE', derBlocks(leaf.chain, 'CERTIFICATE')[0]!);
    const seen = await handshake({ ...tlsIdentity(leaf), cert: withoutChain }, { ca: root.root });
    assert.match(seen.verdict, /UNABLE_TO_VERIFY_LEAF_SIGNATURE|unable to verify/);
  });

  it('issues what peers refuse: expired, of another root, self-signed, for the other usage, below too long a path', async () => {
    const now = Date.now();
    const other = await CertificateAuthority.create();
    const narrow = await root.intermediate({ pathLength: 0 });
    const cases = [
      [await root.issue({ notBefore: now - 2 * HOUR_MS, notAfter: now - HOUR_MS }), 'CERT_HAS_EXPIRED'],
      [await root.issue({ notBefore: now + HOUR_MS }), 'CERT_NOT_YET_VALID'],
      [await other.issue(), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
      [await issueSelfSigned({ dnsNames: ['b.example'] }), 'DEPTH_ZERO_SELF_SIGNED_CERT'],
      [await root.issue({ usages: ['client'] }), 'INVALID_PURPOSE'],
      [await (await narrow.intermediate()).issue(), 'PATH_LENGTH_EXCEEDED'],
    ] as const;
    for (const [leaf, verdict] of cases) {
      assert.equal((await handshake(tlsIdentity(leaf), { ca: root.root })).verdict, verdict);
    }
  });

  it('revokes', async () => {
    const good = await root.issue({ dnsNames: ['good.example'] });
    const bad = await root.issue({ dnsNames: ['bad.example'] });
    const crl = root.revocationList([bad.chain]);
    assert.equal((await handshake(tlsIdentity(good), { ca: root.root, crl })).verdict, '');
    assert.equal((await handshake(tlsIdentity(bad), { ca: root.root, crl })).verdict, 'CERT_REVOKED');
    const empty = root.revocationList([], { number: 2 });
    assert.equal((await handshake(tlsIdentity(bad), { ca: root.root, crl: empty })).verdict, '');
    const old = root.revocationList([], { thisUpdate: Date.now() - 2 * HOUR_MS, nextUpdate: Date.now() - HOUR_MS });
    assert.equal((await handshake(tlsIdentity(good), { ca: root.root, crl: old })).verdict, 'CRL_HAS_EXPIRED');
  });

  it('signs requests: for the key of the request, with the names that its caller allows', async () => {
    const key = await generateKey('ecdsa-p256');
    const wished = { uris: ['spiffe://td.example/ns/a/sa/b'], dnsNames: ['a'], ips: ['::1'], emails: ['a@b'] };
    const request = await readCertificateRequest(await makeCertificateRequest(key, wished));
    assert.deepEqual(request.names, { ...wished, ips: ['::1'] });
    const certificate = new X509Certificate(root.sign(request, { uris: request.names.uris ?? [] }));
    assert.equal(certificate.subjectAltName, 'URI:spiffe://td.example/ns/a/sa/b');
    assert.equal(certificate.checkPrivateKey(key), true);
  });

  for (const keyType of ['rsa-2048', 'ecdsa-p384', 'ed25519'] satisfies KeyType[]) {
    it(`reads the request of a key of ${keyType}`, async () => {
      const key = await generateKey(keyType);
      const request = await readCertificateRequest(await makeCertificateRequest(key, {}, 'caller'));
      assert.equal(request.publicKey.equals(createPublicKey(key)), true);
    });
  }

  it('takes no request that was signed with another key or is none', async () => {
    const pem = await makeCertificateRequest(await generateKey('ecdsa-p256'), { dnsNames: ['a.example'] });
    const der = derBlocks(pem, 'CERTIFICATE REQUEST')[0]!;
    der.write('b', der.indexOf('a.example'));
    const forged = pemOf('CERTIFICATE REQUEST', der);
    await assert.rejects(readCertificateRequest(forged), /not signed with the key that it is for/);
    await assert.rejects(readCertificateRequest(root.root), /no block of PEM is a CERTIFICATE REQUEST/);
    await assert.rejects(readCertificateRequest(pemOf('CERTIFICATE REQUEST', Buffer.from('no DER'))));
  });

  it('is loaded again from what it was saved as', async () => {
    const middle = await root.intermediate({ commonName: 'middle, of O="x"' });
    const again = await CertificateAuthority.load(middle.key, middle.certificate + root.root);
    const leaf = await again.issue({ dnsNames: ['b.example'] });
    assert.equal((await handshake(tlsIdentity(leaf), { ca: root.root })).verdict, '');
    await assert.rejects(CertificateAuthority.load(root.key, middle.certificate), /not the one of the certificate/);
    const noAuthority = await root.issue();
    await assert.rejects(CertificateAuthority.load(noAuthority.key, noAuthority.chain), /may not sign others/);
  });

  it('refuses names that cannot be written', async () => {
    await assert.rejects(root.issue({ dnsNames: ['bücher.example'] }), /"bücher.example" cannot be the DNS name/);
    await assert.rejects(root.issue({ ips: ['10.0.0'] }), /"10.0.0" is no IP address/);
    await assert.rejects(root.issue({ uris: ['spiffe://a b'] }), /cannot be the URI/);
  });

  it('shows no key', async () => {
    const leaf = await root.issue();
    const shown = inspect([root, leaf], { depth: 9, showHidden: true }) + JSON.stringify([root, leaf]);
    assert.doesNotMatch(shown, /PRIVATE KEY|<Buffer/);
  });
});
