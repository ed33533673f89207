import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { type ExpectedNames, systemClock } from '@inmesh/core';
import { CertificateAuthority, derBlocks, issueSelfSigned } from '../ca/index.ts';
import type { CertifiedKey } from '../identity.ts';
import {
  clockAt,
  exactName,
  jsRegex,
  partsOf,
  readValidationOf,
  type TestTrust,
  verdictOn,
} from '../testing/material.ts';
import type { TlsMaterial } from '../tls-material.ts';
import { readCertificate } from '../x509/certificate.ts';
import { makeMaterial } from './build-material.ts';
import type { Peer } from './peer.ts';
import { spiffeJudge } from './spiffe-judge.ts';
import { trustOfDomain } from './trust.ts';

const HOUR_MS = 3_600_000;
const B = 'spiffe://td.example/ns/a/sa/b';
const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

describe('rules for peers', () => {
  let root: CertificateAuthority;
  let stranger: CertificateAuthority;
  let leaf: CertifiedKey;
  let der: Buffer;

  before(async () => {
    root = await CertificateAuthority.create();
    stranger = await CertificateAuthority.create();
    leaf = await root.issue({ uris: [B], dnsNames: ['b.example', '*.c.example'], ips: ['10.0.0.1'] });
    der = derBlocks(leaf.chain, 'CERTIFICATE')[0]!;
  });

  const material = (trust: TestTrust | null): TlsMaterial =>
    makeMaterial(partsOf({ regex: jsRegex, ...(trust !== null && { trust }) })).material;
  const verdict = async (
    trust: TestTrust | null,
    server: CertifiedKey = leaf,
    expected: ExpectedNames | null = null,
  ): Promise<string> => {
    const refusal = await verdictOn(server, material(trust), expected);
    return refusal === null ? 'accepted' : `${refusal.failure}: ${refusal.message}`;
  };

  it('without rules anybody is spoken to, as Envoy does; but no name that is asked for is believed', async () => {
    const anybody = await issueSelfSigned();
    assert.equal(await verdict(null, anybody), 'accepted');
    assert.equal(await verdict({}, anybody), 'accepted');
    for (const trust of [null, {}]) {
      const refused = await verdict(trust, leaf, { rule: 'also', names: ['b.example'] });
      assert.match(refused, /^fail_verify_error: names of the server are asked for .*, and no root is trusted/);
    }
  });

  it('ACCEPT_UNTRUSTED speaks to anybody, as Envoy does', async () => {
    const rules = { roots: root.root, acceptUntrusted: true, subjectAltNames: [exactName(B)] };
    assert.equal(await verdict(rules, await issueSelfSigned()), 'accepted');
  });

  describe('names', () => {
    const cases: [string, TestTrust['subjectAltNames'] & {}, boolean][] = [
      ['exact', [exactName(B)], true],
      ['one of two', [exactName('spiffe://x/y'), exactName(B)], true],
      ['prefix', [exactName('spiffe://td.example/', { match: 'prefix' })], true],
      ['suffix', [exactName('/sa/b', { match: 'suffix' })], true],
      ['a pattern', [exactName('spiffe://[^/]+/ns/a/.*', { match: 'safe_regex' })], true],
      ['a pattern of a part', [exactName('ns/a', { match: 'safe_regex' })], false],
      ['of any type', [exactName(B, { sanType: null })], true],
      ['of another type', [exactName(B, { sanType: 'dns' })], false],
      ['an address', [exactName('10.0.0.1', { sanType: 'ip_address' })], true],
      ['by wildcard', [exactName('x.c.example', { sanType: 'dns' })], true],
      ['by wildcard over two labels', [exactName('x.y.c.example', { sanType: 'dns' })], false],
    ];
    for (const [title, subjectAltNames, good] of cases) {
      it(`${title}: ${good}`, async () => {
        const said = await verdict({ roots: root.root, subjectAltNames });
        if (good) assert.equal(said, 'accepted');
        else assert.match(said, /^fail_verify_san: the server presents a certificate for uri .*, where .* is expected/);
      });
    }

    it('a name that the call expects is asked for beside the rules', async () => {
      const also = (name: string): ExpectedNames => ({ rule: 'also', names: [name] });
      const rules = { roots: root.root, subjectAltNames: [exactName(B)] };
      assert.equal(await verdict(rules, leaf, also('b.example')), 'accepted');
      assert.equal(await verdict(rules, leaf, also('10.0.0.1')), 'accepted');
      assert.match(await verdict(rules, leaf, also('evil.example')), /where evil\.example is expected/);
      const others = { ...rules, subjectAltNames: [exactName('spiffe://x/y')] };
      assert.match(await verdict(others, leaf, also('b.example')), /where uri spiffe:\/\/x\/y is expected/);
    });

    it('or instead of them, and is one of DNS then', async () => {
      const instead = (name: string): ExpectedNames => ({ rule: 'instead', names: [name] });
      const rules = { roots: root.root, subjectAltNames: [exactName('spiffe://x/y')] };
      assert.equal(await verdict(rules, leaf, instead('x.c.example')), 'accepted');
      assert.match(await verdict(rules, leaf, instead(B)), /is expected/);
    });
  });

  describe('hashes', () => {
    const hash = () => sha256(der).toString('hex');
    const spki = () =>
      sha256(new X509Certificate(der).publicKey.export({ type: 'spki', format: 'der' })).toString('base64');
    const other = 'a'.repeat(64);

    it('of the certificate, with or without colons', async () => {
      assert.equal(await verdict({ verifyCertificateHash: [hash()] }), 'accepted');
      const colons = hash()
        .toUpperCase()
        .replace(/(..)(?!$)/g, '$1:');
      assert.equal(await verdict({ verifyCertificateHash: [other, colons] }), 'accepted');
    });

    it('of the key; one of either kind is enough', async () => {
      assert.equal(await verdict({ verifyCertificateSpki: [spki()] }), 'accepted');
      assert.equal(await verdict({ verifyCertificateSpki: [spki()], verifyCertificateHash: [other] }), 'accepted');
    });

    it('of another one', async () => {
      const said = await verdict({ roots: root.root, verifyCertificateHash: [other] });
      assert.match(
        said,
        /^fail_verify_cert_hash: .* with the hash [0-9a-f]{64} and a key with .*, of which secret ROOTCA has neither/,
      );
    });

    it('do not stand for a chain where roots are given', async () => {
      const rules = { roots: stranger.root, verifyCertificateHash: [hash()] };
      assert.match(await verdict(rules), /^fail_verify_error/);
    });

    it('that are none are refused', () => {
      assert.throws(
        () => material({ verifyCertificateHash: ['abc'] }),
        /secret ROOTCA: verify_certificate_hash: abc is no SHA-256/,
      );
      assert.throws(() => material({ verifyCertificateSpki: ['abc='] }), /verify_certificate_spki: abc= is no SHA-256/);
    });
  });

  it('expired certificates are taken where that is allowed, and those of a stranger are not', async () => {
    const now = Date.now();
    const old = { uris: [B], notBefore: now - 2 * HOUR_MS, notAfter: now - HOUR_MS };
    const rules = { roots: root.root, allowExpiredCertificate: true };
    assert.equal(await verdict(rules, await root.issue(old)), 'accepted');
    // OpenSSL tells of both only that they have expired.
    const signedByStranger = await stranger.issue(old);
    assert.match(await verdict(rules, signedByStranger), /unable to get local issuer certificate/);
    assert.match(await verdict({ ...rules, domains: { 'td.example': root.root } }, signedByStranger), /unable to get/);
    const revoked = await root.issue(old);
    assert.match(
      await verdict({ ...rules, lists: root.revocationList([revoked.chain]) }, revoked),
      /certificate revoked/,
    );
  });

  it('a list is asked for leaves alone, where the rules say so', async () => {
    const middle = await root.intermediate();
    const server = await middle.issue({ uris: [B] });
    const lists = middle.revocationList([]);
    assert.equal(await verdict({ roots: root.root, lists, onlyVerifyLeafCertCrl: true }, server), 'accepted');
    assert.match(await verdict({ roots: root.root, lists }, server), /unable to get certificate CRL/);
  });

  it('an authority that was revoked is none', async () => {
    const middle = await root.intermediate();
    const server = await middle.issue({ uris: [B] });
    const lists = middle.revocationList([]) + root.revocationList([middle.certificate]);
    assert.match(await verdict({ roots: root.root, lists }, server), /certificate revoked/);
    assert.match(await verdict({ roots: root.root, lists, maxVerifyDepth: 9 }, server), /certificate revoked/);
    assert.match(await verdict({ domains: { 'td.example': root.root + lists } }, server), /certificate revoked/);
  });

  it('lists may stand among the roots', async () => {
    assert.match(await verdict({ roots: root.root + root.revocationList([leaf.chain]) }), /certificate revoked/);
  });

  it('a chain is as long as the depth allows: 1 is a root and its leaf', async () => {
    const one = await (await root.intermediate()).issue({ uris: [B] });
    assert.equal(await verdict({ roots: root.root, maxVerifyDepth: 2 }, one), 'accepted');
    assert.match(await verdict({ roots: root.root, maxVerifyDepth: 1 }, one), /certificate chain too long/);
    assert.equal(await verdict({ roots: root.root, maxVerifyDepth: 1 }), 'accepted');
  });

  for (const [title, more] of [
    ['by OpenSSL', {}],
    ['by its path', { maxVerifyDepth: 5 }],
  ] as const) {
    it(`an authority below a root is trusted by itself, and so is a leaf, ${title}`, async () => {
      const middle = await root.intermediate();
      const server = await middle.issue({ uris: [B] });
      assert.equal(await verdict({ roots: middle.certificate, ...more }, server), 'accepted');
      const self = await issueSelfSigned({ uris: [B] });
      assert.equal(await verdict({ roots: self.chain, ...more }, self), 'accepted');
      assert.match(await verdict({ roots: self.chain, ...more }), /^fail_verify_error/);
    });
  }

  it('the system does not vouch for a workload', async () => {
    assert.match(await verdict({ systemRootCerts: true }), /^fail_verify_error: unable to/);
    assert.equal(await verdict({ systemRootCerts: true, roots: root.root }), 'accepted');
  });

  describe('trust domains', () => {
    const domains = () => ({ 'td.example': root.root, 'other.example': stranger.root });

    it('vouch for their own workloads only', async () => {
      assert.equal(await verdict({ domains: domains() }), 'accepted');
      assert.equal(
        await verdict({ domains: domains() }, await stranger.issue({ uris: ['spiffe://other.example/x'] })),
        'accepted',
      );
      const minted = await stranger.issue({ uris: [B] });
      assert.match(
        await verdict({ domains: domains() }, minted),
        /^fail_verify_error: unable to get local issuer certificate: .*; trusted are the roots of secret ROOTCA, trust domain td\.example$/,
      );
    });

    for (const [what, names, text] of [
      ['two URIs', { uris: [B, 'spiffe://other.example/x'] }, /a workload has one URI for a name, and here are 2/],
      ['no URI', { dnsNames: ['b.example'] }, /and here are 0/],
      ['no SPIFFE ID', { uris: ['https://td.example/ns/a'] }, /its URI is no SPIFFE ID of a workload/],
      ['a trust domain for a name', { uris: ['spiffe://td.example'] }, /its URI is no SPIFFE ID of a workload/],
      [
        'another trust domain',
        { uris: ['spiffe://evil.example/x'] },
        /there are no roots for the trust domain evil\.example/,
      ],
    ] as const) {
      it(`refuse ${what}`, async () => {
        assert.match(await verdict({ domains: domains() }, await root.issue(names)), text);
      });
    }

    it('refuse an authority that poses as a workload', async () => {
      const authority = await CertificateAuthority.create({ uris: [B] });
      const trust = { domains: { 'td.example': authority.root } };
      const validation = readValidationOf(trust);
      const roots = new Map([['td.example', trustOfDomain('td.example', authority.root, validation)]]);
      const self = readCertificate(derBlocks(authority.root, 'CERTIFICATE')[0]!);
      const peer: Peer = { role: 'server', leaf: self, chainError: null, others: () => [] };
      assert.match(
        spiffeJudge(validation, roots, systemClock)(peer)?.message ?? '',
        /the certificate is one of an authority/,
      );
    });

    it('match names of the type URI alone', async () => {
      const dns = exactName('b.example', { sanType: 'dns' });
      assert.match(
        await verdict({ domains: domains(), subjectAltNames: [dns, exactName('spiffe://td.example/x')] }),
        /where uri spiffe:\/\/td\.example\/x is expected/,
      );
      assert.throws(
        () => material({ domains: domains(), subjectAltNames: [dns] }),
        /matches names of the type URI alone/,
      );
    });

    it('share lists of revoked certificates that not every issuer has', async () => {
      const lists = root.revocationList([leaf.chain]);
      assert.match(await verdict({ domains: domains(), lists }), /certificate revoked/);
      assert.equal(
        await verdict({ domains: domains(), lists }, await stranger.issue({ uris: ['spiffe://other.example/x'] })),
        'accepted',
      );
    });
  });

  it('judges by its own clock, where it judges', async () => {
    const later = clockAt(leaf.notAfter + HOUR_MS);
    const { material: late } = makeMaterial(partsOf({ clock: later, trust: { domains: { 'td.example': root.root } } }));
    const refusal = await verdictOn(leaf, late);
    assert.match(refusal?.message ?? '', /^certificate has expired/);
  });

  it('refuses a resumed session, of which a client is shown no certificate', async () => {
    const refusal = await verdictOn(leaf, material({ roots: root.root }), null, (socket) => {
      socket.isSessionReused = () => true;
    });
    assert.match(refusal?.message ?? '', /was resumed/);
  });

  const refusals: [string, () => TestTrust, RegExp][] = [
    [
      'names without roots',
      () => ({ subjectAltNames: [exactName(B)] }),
      /SAN-based verification .* without trusted CA is insecure and not allowed/,
    ],
    ['a list without roots', () => ({ lists: root.revocationList([]) }), /Failed to load CRL without trusted CA/],
    ['expired ones without roots', () => ({ allowExpiredCertificate: true }), /allow_expired_certificate: /],
    ['roots that are none', () => ({ roots: 'nothing' }), /there is no certificate in trusted_ca/],
    ['roots that are cut off', () => ({ roots: root.root.slice(0, -40) }), /a block of PEM is cut off or damaged/],
    [
      'lists that are none',
      () => ({ roots: root.root, lists: 'nothing' }),
      /there is no list of revoked certificates in crl/,
    ],
    [
      'a trust domain without roots',
      () => ({ domains: { 'td.example': '' } }),
      /trust domain td\.example: there is no root/,
    ],
    ['no trust domain', () => ({ domains: {} }), /a SPIFFE validator needs the roots of a trust domain/],
    [
      'a pattern that is none',
      () => ({ roots: root.root, subjectAltNames: [exactName('(', { match: 'safe_regex' })] }),
      /a matcher of names cannot be used/,
    ],
  ];
  for (const [what, trust, text] of refusals) {
    it(`refuses ${what}, by the name of the secret`, () => {
      assert.throws(
        () => material(trust()),
        (error: Error) => {
          assert.match(error.message, text);
          assert.ok(error.message.startsWith('secret ROOTCA'));
          return true;
        },
      );
    });
  }
});
