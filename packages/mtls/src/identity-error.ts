import { MeshError } from '@inmesh/core';

/** Where in the mesh it went wrong: a provider by its place. */
export function identityError(place: string, message: string, cause?: unknown): MeshError {
  return new MeshError('connection_failure', message, { resource: place, ...(cause !== undefined && { cause }) });
}
