import assert from 'node:assert/strict';
import { CertificateAuthority, derBlocks, issueSelfSigned, pemOf } from '../ca/index.ts';
import type { CertifiedKey } from '../identity.ts';
import { exactName, partsOf, type TestTrust, verdictOn } from '../testing/material.ts';
import type { PeerRefusal, TlsMaterial } from '../tls-material.ts';
import { makeMaterial } from './build-material.ts';

const HOUR_MS = 3_600_000;
const B = 'spiffe://td.example/ns/a/sa/b';

/** What OpenSSL judges, and the same where the path is judged by this package: as well (depth), or instead (revocation of the leaf). */
const WAYS: readonly [string, (trust: TestTrust) => TestTrust][] = [
  ['roots for all', (trust) => trust],
  ['a bounded depth', (trust) => ({ ...trust, maxVerifyDepth: 4 })],
  ['leaves alone revoked', (trust) => ({ ...trust, onlyVerifyLeafCertCrl: true })],
  [
    'roots by trust domain',
    ({ roots = '', lists = '', ...rules }) => ({ ...rules, domains: { 'td.example': roots + lists } }),
  ],
];

describe('impostors', () => {
  let root: CertificateAuthority;
  let stranger: CertificateAuthority;
  let own: CertifiedKey;
  let now: number;

  before(async () => {
    root = await CertificateAuthority.create();
    stranger = await CertificateAuthority.create();
    own = await root.issue({ uris: [B], dnsNames: ['b.example'] });
    now = Date.now();
  });

  for (const [title, way] of WAYS) {
    describe(`with ${title}`, () => {
      const material = (more: TestTrust = {}): TlsMaterial =>
        makeMaterial(partsOf({ trust: way({ roots: root.root, subjectAltNames: [exactName(B)], ...more }) })).material;
      const refused = async (server: CertifiedKey, text: RegExp, with_ = material()): Promise<PeerRefusal> => {
        const verdict = await verdictOn(server, with_);
        assert.match(verdict?.message ?? 'it is accepted', text);
        return verdict!;
      };

      it('the workload itself is spoken to, also by way of an authority below the root', async () => {
        assert.equal(await verdictOn(own, material()), null);
        const middle = await root.intermediate();
        assert.equal(await verdictOn(await middle.issue({ uris: [B] }), material()), null);
      });

      it('another name', async () => {
        const verdict = await refused(
          await root.issue({ uris: ['spiffe://td.example/ns/a/sa/evil'], dnsNames: ['b.example'] }),
          /presents a certificate for uri spiffe:\/\/td\.example\/ns\/a\/sa\/evil, dns b\.example, where uri spiffe:\/\/td\.example\/ns\/a\/sa\/b is expected/,
        );
        assert.equal(verdict.failure, 'fail_verify_san');
      });

      it('another trust domain', async () => {
        const verdict = await refused(
          await root.issue({ uris: ['spiffe://evil.example/ns/a/sa/b'] }),
          title === 'roots by trust domain'
            ? /there are no roots for the trust domain evil\.example: .*; secret ROOTCA has td\.example/
            : /where uri .* is expected/,
        );
        assert.equal(verdict.failure, title === 'roots by trust domain' ? 'fail_verify_error' : 'fail_verify_san');
      });

      it('no name at all', async () => {
        await refused(await root.issue(), /presents a certificate for nobody/);
      });

      it('expired', async () => {
        const leaf = await root.issue({ uris: [B], notBefore: now - 2 * HOUR_MS, notAfter: now - HOUR_MS });
        const verdict = await refused(leaf, /^certificate has expired: .* valid from .* to .*, issued by /);
        assert.equal(verdict.failure, 'fail_verify_error');
      });

      it('not yet valid', async () => {
        await refused(await root.issue({ uris: [B], notBefore: now + HOUR_MS }), /^certificate is not yet valid: /);
      });

      it('signed by itself', async () => {
        await refused(await issueSelfSigned({ uris: [B] }), /^self-signed certificate: /);
      });

      it('of another authority that has the same name', async () => {
        await refused(
          await stranger.issue({ uris: [B] }),
          /^unable to (get local issuer certificate|verify the first certificate): /,
        );
      });

      it('of another authority, which sends its root along', async () => {
        const leaf = await stranger.issue({ uris: [B] });
        await refused(
          { ...leaf, chain: leaf.chain + stranger.root },
          /^self-signed certificate in certificate chain: /,
        );
      });

      it('below an authority that may have none below it', async () => {
        const narrow = await root.intermediate({ pathLength: 0 });
        await refused(await (await narrow.intermediate()).issue({ uris: [B] }), /^path length constraint exceeded: /);
      });

      it('for clients alone', async () => {
        await refused(await root.issue({ uris: [B], usages: ['client'] }), /^unsupported certificate purpose: /);
      });

      it('without what leads to the root', async () => {
        const leaf = await (await root.intermediate()).issue({ uris: [B] });
        const chain = pemOf('CERTIFICATE', derBlocks(leaf.chain, 'CERTIFICATE')[0]!);
        await refused({ ...leaf, chain }, /^unable to (get local issuer certificate|verify the first certificate): /);
      });

      it('revoked', async () => {
        const lists = root.revocationList([own.chain]);
        await refused(own, /^certificate revoked: /, material({ lists }));
        const good = await root.issue({ uris: [B] });
        assert.equal(await verdictOn(good, material({ lists })), null);
      });

      it('a list of revoked certificates that is out of date', async () => {
        const lists = root.revocationList([], { thisUpdate: now - 2 * HOUR_MS, nextUpdate: now - HOUR_MS });
        await refused(own, /^CRL has expired: /, material({ lists }));
      });

      it('a list of revoked certificates of another authority of the same name', async () => {
        const lists = stranger.revocationList([]);
        await refused(own, /^(unable to get certificate CRL|CRL signature failure): /, material({ lists }));
      });

      it('an authority below the root that has no list of its own', async () => {
        const middle = await root.intermediate();
        const leaf = await middle.issue({ uris: [B] });
        await refused(leaf, /^unable to get certificate CRL: /, material({ lists: root.revocationList([]) }));
      });
    });
  }
});
