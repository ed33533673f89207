export { requireEnvoyCluster } from './cluster-rules.ts';
export { requireEnvoyListener } from './listener-rules.ts';
export { isEnvoySpecifier, requireEnvoyRoutes } from './route-rules.ts';
