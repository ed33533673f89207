// For applications.
export { isMeshError, MeshError, type MeshErrorCode, type MeshErrorPlace } from '@inmesh/core';
export { createMesh, type MeshOptions } from './create-mesh.ts';
export type { ExplainedCluster, ExplainedEndpoint, Explanation } from './explain.ts';
export { meshErrorOf } from './local-errors.ts';
export type { Mesh, ReadyOptions, Statistics } from './mesh.ts';
export type { StatusMethod, StatusService } from './status-service.ts';
