// For applications.
export {
  type FilterCallbacks,
  type FilterFactory,
  type FilterReply,
  type FilterResponse,
  type FilterStatus,
  type FilterType,
  type HttpFilter,
  isMeshError,
  MeshError,
  type MeshErrorCode,
  type MeshErrorPlace,
  type OwnFilter,
  type RawFilterConfig,
} from '@inmesh/core';
export type { MeshSocket } from '@inmesh/transports';
export { createMesh, type MeshOptions } from './create-mesh.ts';
export type {
  ExplainedCluster,
  ExplainedEndpoint,
  ExplainedFilter,
  ExplainedRoute,
  ExplainedRule,
  Explanation,
} from './explain/explanation.ts';
export { meshErrorOf } from './local-errors.ts';
export type { ExplainOptions, Mesh, MeshFetch } from './mesh.ts';
export type { SocketOptions } from './open-socket.ts';
export type { IncomingHeaders } from './overrides/incoming.ts';
export type { OverrideRules, Overrides } from './overrides/overrides.ts';
export type { ReadyOptions } from './ready.ts';
export type { Statistics } from './statistics.ts';
export type { StatusMethod, StatusService } from './status-service.ts';
