export type {
  CertifiedKey,
  Identity,
  IdentityProvider,
  JwtBundles,
  JwtSvid,
  PemFilesOptions,
  SvidChoice,
  TrustBundles,
  ValidatedJwtSvid,
  WorkloadApi,
} from '@inmesh/mtls';
export { pemFiles } from '@inmesh/mtls';
export { type ConsulConnectCaOptions, consulConnectCa } from './consul-connect-ca.ts';
export { type IstioCaOptions, istioCa } from './istio-ca.ts';
export { type SpiffeWorkloadApiOptions, spiffeWorkloadApi } from './spiffe-workload-api.ts';
