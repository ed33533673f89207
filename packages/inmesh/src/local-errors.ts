import type { Call, Headers, MeshError } from '@inmesh/core';
import { isMeshError } from '@inmesh/core';

const byCall = new WeakMap<Call, MeshError>();
const byObject = new WeakMap<object, MeshError>();

/** The mesh answered a call by itself: whoever holds the response can ask why. */
export function rememberError(call: Call, headers: Headers, error: Error): void {
  if (!isMeshError(error)) return;
  byCall.set(call, error);
  byObject.set(headers.record(), error);
}

/** Ties the response of a fetch to the error behind it, if there is one. */
export function rememberResponse(response: object, call: Call): void {
  const error = byCall.get(call);
  if (error !== undefined) byObject.set(response, error);
}

/**
 * The error behind a response that the mesh gave by itself; null for a response of an upstream. For what `mesh.fetch`
 * and undici's `request` over `mesh.dispatcher` return.
 */
export function meshErrorOf(response: object): MeshError | null {
  const own = byObject.get(response);
  if (own !== undefined) return own;
  const { headers } = response as { readonly headers?: unknown };
  return typeof headers === 'object' && headers !== null ? (byObject.get(headers) ?? null) : null;
}
