export type { CertifiedKey, Identity, IdentityProvider, TrustBundles } from './identity.ts';
export type { FollowedTls, FollowedTlsEvents, PeerRefusal, TlsMaterial } from './tls-material.ts';
