import type { CertificateValidationContext, DataSource } from '@inmesh/core';

/**
 * The rules of the feed with those of the secret, as Envoy combines them: by merging the messages. What is repeated is added, what is set in the secret wins, and
 * a flag that is set in either is set. (`CombinedCertificateValidationContext`)
 */
export function mergeValidation(
  base: CertificateValidationContext,
  secret: CertificateValidationContext,
): CertificateValidationContext {
  return {
    trustedCa: mergeSource(base.trustedCa, secret.trustedCa),
    caCertificateProvider: mergeProvider(base.caCertificateProvider, secret.caCertificateProvider),
    systemRootCerts: base.systemRootCerts || secret.systemRootCerts,
    watchedDirectory: secret.watchedDirectory ?? base.watchedDirectory,
    verifyCertificateSpki: [...base.verifyCertificateSpki, ...secret.verifyCertificateSpki],
    verifyCertificateHash: [...base.verifyCertificateHash, ...secret.verifyCertificateHash],
    subjectAltNames: [...base.subjectAltNames, ...secret.subjectAltNames],
    requireSignedCertificateTimestamp:
      base.requireSignedCertificateTimestamp || secret.requireSignedCertificateTimestamp,
    crl: mergeSource(base.crl, secret.crl),
    onlyVerifyLeafCertCrl: base.onlyVerifyLeafCertCrl || secret.onlyVerifyLeafCertCrl,
    allowExpiredCertificate: base.allowExpiredCertificate || secret.allowExpiredCertificate,
    acceptUntrusted: base.acceptUntrusted || secret.acceptUntrusted,
    // A wrapper that holds 0 adds nothing to one that is there.
    maxVerifyDepth: secret.maxVerifyDepth || base.maxVerifyDepth || secret.maxVerifyDepth,
    customValidator: secret.customValidator ?? base.customValidator,
    suppressClientCaList: base.suppressClientCaList || secret.suppressClientCaList,
  };
}

function mergeSource(base: DataSource | null, secret: DataSource | null): DataSource | null {
  if (secret === null) return base;
  if (secret.kind !== 'file' || secret.watchedDirectory !== null || base?.kind !== 'file') return secret;
  return { ...secret, watchedDirectory: base.watchedDirectory };
}

type Provider = CertificateValidationContext['caCertificateProvider'];

function mergeProvider(base: Provider, secret: Provider): Provider {
  if (base === null || secret === null) return secret ?? base;
  return {
    instanceName: secret.instanceName || base.instanceName,
    certificateName: secret.certificateName || base.certificateName,
  };
}
