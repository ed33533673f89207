import {
  type CertificateRef,
  type CertificateValidationContext,
  type CommonTlsContext,
  type DataSource,
  MeshError,
  type SdsSecretRef,
  type TlsCertificate,
  type Unwatch,
  type UpstreamTlsContext,
} from '@inmesh/core';
import type { SecretWatcher, WatchSecret } from '../contexts/follow-secret.ts';
import type { CertifiedKey } from '../identity.ts';

export const inline = (text: string): DataSource => ({ kind: 'inline', bytes: Buffer.from(text) });

export function inlineCertificate({ chain, key }: CertifiedKey): TlsCertificate {
  return tlsCertificate({ certificateChain: inline(chain), privateKey: { kind: 'inline', bytes: key } });
}

export function tlsCertificate(some: Partial<TlsCertificate>): TlsCertificate {
  return {
    certificateChain: null,
    privateKey: null,
    pkcs12: null,
    password: null,
    watchedDirectory: null,
    ocspStaple: null,
    privateKeyProvider: null,
    ...some,
  };
}

export function validationContext(some: Partial<CertificateValidationContext>): CertificateValidationContext {
  return {
    trustedCa: null,
    caCertificateProvider: null,
    systemRootCerts: false,
    watchedDirectory: null,
    verifyCertificateSpki: [],
    verifyCertificateHash: [],
    subjectAltNames: [],
    requireSignedCertificateTimestamp: false,
    crl: null,
    onlyVerifyLeafCertCrl: false,
    allowExpiredCertificate: false,
    acceptUntrusted: false,
    maxVerifyDepth: null,
    customValidator: null,
    suppressClientCaList: false,
    ...some,
  };
}

export function upstreamTls(common: Partial<CommonTlsContext>): UpstreamTlsContext {
  return {
    common: {
      minVersion: null,
      maxVersion: null,
      cipherSuites: [],
      ecdhCurves: [],
      signatureAlgorithms: [],
      certificates: [],
      validation: null,
      alpnProtocols: [],
      ...common,
    },
    sni: '',
    autoHostSni: false,
    autoSniSanValidation: false,
    allowRenegotiation: false,
    maxSessionKeys: 1,
  };
}

export function sds(name: string, initialFetchTimeoutMs = 15_000): SdsSecretRef {
  return { name, source: { kind: 'ads' }, initialFetchTimeoutMs };
}

export function sdsCertificate(name: string): CertificateRef {
  return { kind: 'sds', secret: sds(name) };
}

/** Secrets that a test gives out. */
export class ScriptedSecrets {
  /** Called once a secret is told of. */
  afterwards: () => void = () => {};
  readonly #watchers = new Map<string, Set<SecretWatcher>>();

  readonly watch: WatchSecret = ({ name }, watcher): Unwatch => {
    const watchers = this.#watchers.get(name) ?? new Set();
    this.#watchers.set(name, watchers);
    watchers.add(watcher);
    return () => watchers.delete(watcher);
  };

  watched(name: string): number {
    return this.#watchers.get(name)?.size ?? 0;
  }

  certificate(name: string, certificate: TlsCertificate): void {
    this.#tell(name, (watcher) => watcher.changed({ name, kind: 'tls_certificate', certificate }));
  }

  validation(name: string, validation: CertificateValidationContext): void {
    this.#tell(name, (watcher) => watcher.changed({ name, kind: 'validation_context', validation }));
  }

  gone(name: string, reason: string): void {
    this.#tell(name, (watcher) => watcher.resourceError(new MeshError('invalid_config', reason)));
  }

  revoked(name: string, reason: string): void {
    this.#tell(name, (watcher) => watcher.revoked?.(new MeshError('connection_failure', reason)));
  }

  trouble(name: string, reason: string): void {
    this.#tell(name, (watcher) => watcher.ambientError(new MeshError('config_timeout', reason)));
  }

  #tell(name: string, say: (watcher: SecretWatcher) => void): void {
    for (const watcher of this.#watchers.get(name) ?? []) say(watcher);
    this.afterwards();
  }
}
