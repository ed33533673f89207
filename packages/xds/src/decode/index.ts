export { decodeAddress } from './address.ts';
export { decodeCluster } from './cluster.ts';
export {
  type DecodeProfile,
  type Decoding,
  enumName,
  holds,
  milliseconds,
  otherFields,
  Refusal,
  requireRegex,
  unpack,
} from './decoding.ts';
export { decodeConfigDiscovery, readExtensionConfig } from './extension-config.ts';
export { filterTypes, httpFilters } from './filters/table.ts';
export { decodeListener } from './listener.ts';
export { decodeLoadAssignment, readAssignment } from './load-assignment.ts';
export { type DecodingOptions, newDecoding } from './new-decoding.ts';
export { resourceTypes } from './resource-types.ts';
export { decodeRouteConfiguration } from './route-configuration.ts';
export { readRuntimeLayer } from './runtime-layer.ts';
export { decodeSecret, decodeTlsCertificate, decodeValidationContext } from './secret.ts';
export { readSecretsFile } from './secrets-file.ts';
