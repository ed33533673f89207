import assert from 'node:assert/strict';
import { type CertificateValidationContext, type DataSource, noRegex, type Secret, SecretBytes } from '@inmesh/core';
import { CertificateAuthority } from '../ca/index.ts';
import type { CertifiedKey } from '../identity.ts';
import { inline, inlineCertificate, type tlsCertificate, validationContext } from '../testing/tls-models.ts';
import { judgeSecret } from './judge-secret.ts';

const file = { kind: 'file', path: '/nowhere', watchedDirectory: null } as const;
const cutOff = (pem: string): DataSource => inline(pem.slice(0, pem.length / 2));

describe('what a secret is good for', () => {
  let root: CertificateAuthority;
  let leaf: CertifiedKey;

  before(async () => {
    root = await CertificateAuthority.create();
    leaf = await root.issue({ uris: ['spiffe://td.example/a'] });
  });

  const problemOf = (secret: Secret): string => {
    try {
      judgeSecret(secret, noRegex);
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  };
  const ofCertificate = (fields: Partial<ReturnType<typeof tlsCertificate>>): string =>
    problemOf({
      name: 'default',
      kind: 'tls_certificate',
      certificate: { ...inlineCertificate(leaf), ...fields },
    });
  const ofRules = (fields: Partial<CertificateValidationContext>): string =>
    problemOf({ name: 'ROOTCA', kind: 'validation_context', validation: validationContext(fields) });

  it('certificates and roots that are whole', async () => {
    assert.equal(ofCertificate({}), '');
    assert.equal(ofRules({ trustedCa: inline(root.root) }), '');
    assert.equal(ofRules({ trustedCa: inline(root.root), crl: inline(root.revocationList([leaf.chain])) }), '');
  });

  it('nothing, where a certificate cannot be used', async () => {
    const other = await root.issue({ uris: ['spiffe://td.example/a'] });
    assert.match(
      ofCertificate({ certificateChain: cutOff(leaf.chain) }),
      /^tls_certificate: a block of PEM is cut off/,
    );
    assert.match(ofCertificate({ privateKey: inlineCertificate(other).privateKey }), /not that of the certificate/);
    assert.match(ofCertificate({ privateKey: null }), /the private_key is missing/);
    const hush = new SecretBytes(Buffer.from('hush'));
    assert.equal(
      ofCertificate({ privateKey: { kind: 'inline', bytes: hush } }),
      'tls_certificate: the private key cannot be read: it must be PEM of PKCS #8, PKCS #1 or SEC 1',
    );
  });

  it('nothing, where rules cannot be used', () => {
    const roots = { trustedCa: inline(root.root) };
    assert.match(ofRules({ trustedCa: cutOff(root.root) }), /^validation_context: a block of PEM is cut off/);
    assert.match(ofRules({ trustedCa: inline('') }), /there is no certificate in trusted_ca/);
    assert.match(ofRules({ ...roots, crl: inline('x') }), /there is no list of revoked certificates in crl/);
    assert.match(ofRules({ crl: inline('x') }), /there is no list of revoked certificates in crl/);
    assert.match(ofRules({ ...roots, verifyCertificateHash: ['x'] }), /verify_certificate_hash: x is no SHA-256/);
    assert.match(ofRules({ verifyCertificateSpki: ['x'] }), /verify_certificate_spki: x is no SHA-256/);
  });

  it('what only a whole context can tell: names and lists without the roots that are theirs', async () => {
    const subjectAltNames = [
      { sanType: 'uri', match: 'exact', value: 'spiffe://td.example/a', ignoreCase: false, oid: '' },
    ] as const;
    assert.equal(ofRules({ subjectAltNames }), '');
    assert.equal(ofRules({ crl: inline(root.revocationList([leaf.chain])) }), '');
  });

  it('what time tells, and what stands in files', async () => {
    const notAfter = Date.now() - 1_000;
    const old = await root.issue({ notBefore: notAfter - 1_000, notAfter });
    assert.equal(ofCertificate(inlineCertificate(old)), '');
    assert.equal(ofCertificate({ certificateChain: file }), '');
    assert.equal(ofRules({ trustedCa: file }), '');
  });
});
