export { type ConsulAgentAddress, type ConsulGet, consulAgent } from './consul/agent-http.ts';
export { ConsulConnectCa, type ConsulConnectCaParts } from './consul/consul-connect-ca.ts';
export { certificateGauges } from './contexts/certificate-gauges.ts';
export type { SecretWatcher, WatchSecret } from './contexts/follow-secret.ts';
export type { HeldCertificate } from './contexts/shared-context.ts';
export {
  type ClusterCertificates,
  TlsContexts,
  type TlsContextsParts,
  type TlsState,
} from './contexts/tls-contexts.ts';
export { FollowedFiles, type FollowedFilesOptions } from './files/followed-files.ts';
export { type WatchDirectory, watchDirectory } from './files/watch-directory.ts';
export type { CertifiedKey, Identity, IdentityProvider, TrustBundles } from './identity.ts';
export { identitySecrets } from './identity-secrets.ts';
export { IstioCa, type IstioCaParts } from './istio/istio-ca.ts';
export { HALF_LIFE, type RenewalTimes } from './istio/renewal.ts';
export { buildMaterial } from './material/build-material.ts';
export { judgeSecret } from './material/judge-secret.ts';
export type {
  BuildMaterial,
  BuiltMaterial,
  CertificateSummary,
  MaterialParts,
  NamedCertificate,
  NamedValidation,
  SourceReader,
} from './material-parts.ts';
export { fileWatcher } from './providers/file-watcher.ts';
export { type FileProviderParts, type PemFiles, type PemFilesOptions, pemFiles } from './providers/pem-files.ts';
export { closeWhenIdle } from './rpc/close-when-idle.ts';
export { workloadApiTarget } from './spiffe/endpoint.ts';
export type { JwtBundles, JwtSvid, ValidatedJwtSvid } from './spiffe/jwt-svids.ts';
export type { SvidChoice } from './spiffe/svid-choice.ts';
export { WorkloadApi, type WorkloadApiParts } from './spiffe/workload-api.ts';
export { parseSpiffeId, type SpiffeId } from './spiffe-id.ts';
export type { FollowedTls, FollowedTlsEvents, PeerRefusal, TlsMaterial } from './tls-material.ts';
