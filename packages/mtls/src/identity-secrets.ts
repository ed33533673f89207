import { create, toBinary } from '@bufbuild/protobuf';
import { messageType } from '@inmesh/api';
import type { SPIFFECertValidatorConfig as SpiffeValidatorConfig } from '@inmesh/api/gen/envoy/extensions/transport_sockets/tls/v3/tls_spiffe_validator_config_pb';
import {
  type CertificateValidationContext,
  type ExtensionConfig,
  MeshError,
  type Secret,
  type Unwatch,
} from '@inmesh/core';
import type { SecretWatcher } from './contexts/follow-secret.ts';
import type { CertifiedKey, Identity, IdentityProvider, TrustBundles } from './identity.ts';

/** Istio's names for what an agent has. */
const CERTIFICATE = 'default';
const ROOTS = 'ROOTCA';
const VALIDATOR = 'envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig';

/** Answers the secrets that a feed would have an istio-agent give, from an identity of our own. */
export function identitySecrets(identity: IdentityProvider): (name: string, watcher: SecretWatcher) => Unwatch {
  return (name, watcher) => {
    const gone = (error: MeshError): void => (watcher.revoked ?? watcher.resourceError).call(watcher, error);
    const secretOf = Object.hasOwn(readers, name) ? readers[name] : undefined;
    if (secretOf === undefined) {
      watcher.resourceError(missing(name, `the identity of this mesh answers "${CERTIFICATE}" and "${ROOTS}" only`));
      return () => {};
    }
    let last: unknown = null;
    return identity.watch({
      changed: (state) => {
        const secret = secretOf(state);
        if (secret === null) {
          last = null;
          gone(missing(name, 'the identity of this mesh has none'));
          return;
        }
        // A renewed certificate is no reason to look at the roots again.
        const part = name === CERTIFICATE ? state.certificate : state.trust;
        if (part !== last) watcher.changed(secret);
        last = part;
      },
      resourceError: gone,
      ambientError: (error) => watcher.ambientError(error),
      recovered: () => watcher.recovered?.(),
    });
  };
}

const readers: { readonly [name: string]: ((identity: Identity) => Secret | null) | undefined } = {
  [CERTIFICATE]: ({ certificate }) => (certificate === null ? null : certificateSecret(certificate)),
  [ROOTS]: ({ trust }) => (trust === null ? null : rootsSecret(trust)),
};

function certificateSecret({ chain, key }: CertifiedKey): Secret {
  return {
    name: CERTIFICATE,
    kind: 'tls_certificate',
    certificate: {
      certificateChain: { kind: 'inline', bytes: Buffer.from(chain) },
      privateKey: { kind: 'inline', bytes: key },
      pkcs12: null,
      password: null,
      watchedDirectory: null,
      ocspStaple: null,
      privateKeyProvider: null,
    },
  };
}

function rootsSecret({ roots, byTrustDomain, crl }: TrustBundles): Secret {
  const validation: CertificateValidationContext = {
    trustedCa: roots === '' ? null : { kind: 'inline', bytes: Buffer.from(roots) },
    caCertificateProvider: null,
    systemRootCerts: false,
    watchedDirectory: null,
    verifyCertificateSpki: [],
    verifyCertificateHash: [],
    subjectAltNames: [],
    requireSignedCertificateTimestamp: false,
    crl: crl === '' ? null : { kind: 'inline', bytes: Buffer.from(crl) },
    onlyVerifyLeafCertCrl: false,
    allowExpiredCertificate: false,
    acceptUntrusted: false,
    maxVerifyDepth: null,
    customValidator: byTrustDomain === null ? null : spiffeValidator(byTrustDomain),
    suppressClientCaList: false,
  };
  return { name: ROOTS, kind: 'validation_context', validation };
}

/** Roots for each trust domain, as SPIRE's agent tells them over SDS. */
function spiffeValidator(byTrustDomain: ReadonlyMap<string, string>): ExtensionConfig {
  const type = messageType<SpiffeValidatorConfig>(VALIDATOR);
  const message = create(type, {
    trustDomains: Array.from(byTrustDomain, ([name, pem]) => ({
      name,
      trustBundle: { specifier: { case: 'inlineBytes' as const, value: Buffer.from(pem) } },
    })),
  });
  return {
    name: 'envoy.tls.cert_validator.spiffe',
    typeName: VALIDATOR,
    message: toBinary(type, message),
    struct: null,
  };
}

function missing(name: string, reason: string): MeshError {
  return new MeshError('connection_failure', reason, { resource: `secret "${name}"` });
}
