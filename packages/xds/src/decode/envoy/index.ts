export { requireEnvoyCluster } from './cluster-rules.ts';
export { requireEnvoyListener } from './listener-rules.ts';
export { requireEnvoyRoutes } from './route-rules.ts';
