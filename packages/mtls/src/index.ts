export type { CertifiedKey, Identity, IdentityProvider, TrustBundles } from './identity.ts';
export { parseSpiffeId, type SpiffeId } from './spiffe-id.ts';
export type { FollowedTls, FollowedTlsEvents, PeerRefusal, TlsMaterial } from './tls-material.ts';
