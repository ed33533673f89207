export type {
  CertifiedKey,
  Identity,
  IdentityProvider,
  JwtBundles,
  JwtSvid,
  SvidChoice,
  TrustBundles,
  ValidatedJwtSvid,
  WorkloadApi,
} from '@inmesh/mtls';
export { type IstioCaOptions, istioCa } from './istio-ca.ts';
export { type SpiffeWorkloadApiOptions, spiffeWorkloadApi } from './spiffe-workload-api.ts';
