import { CertificateAuthority } from '@inmesh/mtls/ca';
import type { IdentityProvider } from 'inmesh/identity';

/** An identity that never changes, by an authority of its own unless one is given. */
export async function developmentIdentity(uri: string, authority?: CertificateAuthority): Promise<IdentityProvider> {
  const issuer = authority ?? (await CertificateAuthority.create());
  const certificate = await issuer.issue({ uris: [uri] });
  return {
    watch(watcher) {
      watcher.changed({ certificate, trust: { roots: issuer.root, byTrustDomain: null, crl: '' } });
      return () => {};
    },
  };
}
