import assert from 'node:assert/strict';
import type { CertificateValidationContext, SubjectAltNameMatcher } from '@inmesh/core';
import { inline, validationContext } from '../testing/tls-models.ts';
import { mergeValidation } from './merge-validation.ts';

const san = (value: string): SubjectAltNameMatcher => ({
  sanType: 'uri',
  match: 'exact',
  value,
  ignoreCase: false,
  oid: '',
});

function merged(base: Partial<CertificateValidationContext>, secret: Partial<CertificateValidationContext>) {
  return mergeValidation(validationContext(base), validationContext(secret));
}

describe('mergeValidation', () => {
  it('adds what is repeated, that of the feed first', () => {
    const { subjectAltNames, verifyCertificateSpki, verifyCertificateHash } = merged(
      { subjectAltNames: [san('a')], verifyCertificateSpki: ['a'], verifyCertificateHash: ['a'] },
      { subjectAltNames: [san('b')], verifyCertificateSpki: ['b'], verifyCertificateHash: ['b'] },
    );
    assert.deepEqual(subjectAltNames, [san('a'), san('b')]);
    assert.deepEqual(
      [verifyCertificateSpki, verifyCertificateHash],
      [
        ['a', 'b'],
        ['a', 'b'],
      ],
    );
  });

  it('lets what the secret sets win, and keeps what it does not set', () => {
    const one = merged({ trustedCa: inline('a'), crl: inline('a') }, { trustedCa: inline('b') });
    assert.deepEqual([one.trustedCa, one.crl], [inline('b'), inline('a')]);
    assert.equal(merged({ maxVerifyDepth: 3 }, { maxVerifyDepth: 5 }).maxVerifyDepth, 5);
    assert.equal(merged({ maxVerifyDepth: 3 }, {}).maxVerifyDepth, 3);
    assert.equal(merged({ maxVerifyDepth: 3 }, { maxVerifyDepth: 0 }).maxVerifyDepth, 3);
    assert.equal(merged({}, { maxVerifyDepth: 0 }).maxVerifyDepth, 0);
    assert.equal(merged({ watchedDirectory: '/a' }, {}).watchedDirectory, '/a');
  });

  it('keeps the watched directory of a file when the secret names another file', () => {
    const file = (path: string, watchedDirectory: string | null) => ({ kind: 'file', path, watchedDirectory }) as const;
    const { trustedCa } = merged({ trustedCa: file('/a', '/watched') }, { trustedCa: file('/b', null) });
    assert.deepEqual(trustedCa, file('/b', '/watched'));
    assert.deepEqual(merged({ trustedCa: file('/a', '/w') }, { trustedCa: inline('b') }).trustedCa, inline('b'));
  });

  it('sets a flag that either sets', () => {
    const flags = [
      'systemRootCerts',
      'requireSignedCertificateTimestamp',
      'onlyVerifyLeafCertCrl',
      'allowExpiredCertificate',
      'acceptUntrusted',
      'suppressClientCaList',
    ] as const;
    for (const flag of flags) {
      assert.equal(merged({ [flag]: true }, {})[flag], true, flag);
      assert.equal(merged({}, { [flag]: true })[flag], true, flag);
      assert.equal(merged({}, {})[flag], false, flag);
    }
  });

  it('merges the instance of a provider field by field', () => {
    const provider = (instanceName: string, certificateName: string) => ({
      caCertificateProvider: { instanceName, certificateName },
    });
    assert.deepEqual(merged(provider('a', 'x'), provider('b', '')), validationContext(provider('b', 'x')));
    assert.deepEqual(merged(provider('a', 'x'), {}), validationContext(provider('a', 'x')));
  });
});
