export { decodeCluster } from './cluster.ts';
export { type Decoding, Refusal } from './decoding.ts';
export { decodeListener } from './listener.ts';
export { decodeLoadAssignment } from './load-assignment.ts';
export { resourceTypes } from './resource-types.ts';
export { decodeRouteConfiguration } from './route-configuration.ts';
