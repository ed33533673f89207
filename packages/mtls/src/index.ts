export type { CertifiedKey, Identity, IdentityProvider, TrustBundles } from './identity.ts';
export { fileWatcher } from './providers/file-watcher.ts';
export { type FileProviderParts, type PemFiles, type PemFilesOptions, pemFiles } from './providers/pem-files.ts';
export { parseSpiffeId, type SpiffeId } from './spiffe-id.ts';
export type { FollowedTls, FollowedTlsEvents, PeerRefusal, TlsMaterial } from './tls-material.ts';
export { certificateNames, describeNames } from './x509/certificate-names.ts';
