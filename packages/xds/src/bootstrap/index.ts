export type {
  Authority,
  Bootstrap,
  CertificateProvider,
  GrpcCluster,
  JsonObject,
  NodeIdentity,
  OutsideMesh,
  ServerCredentials,
  TlsServerCredentials,
  XdsServer,
} from './bootstrap.ts';
export { NO_LOCALITY } from './bootstrap.ts';
export type { RuntimeLayerSource } from './layered-runtime.ts';
export {
  type BootstrapOptions,
  type LoadBootstrapOptions,
  loadBootstrap,
  type ServerOptions,
} from './load-bootstrap.ts';
export { staticSource } from './static-source.ts';
