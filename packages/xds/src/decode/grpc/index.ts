export { requireGrpcCluster } from './cluster-rules.ts';
export { EndpointRules } from './endpoint-rules.ts';
export { requireGrpcListener } from './listener-rules.ts';
export { requireGrpcRoutes } from './route-rules.ts';
