import { type Kind, MeshError } from '@inmesh/core';
import type { DecodeContext } from './resource-type.ts';

/** How a resource is called in a message; null for one whose name cannot be read. */
export function titleOf(kind: Kind, name: string | null): string {
  return name === null ? `a ${kind} without a readable name` : `${kind} "${name}"`;
}

/** Bad news of a resource: with its name, and whose word it is. */
export function resourceError(
  kind: Kind,
  name: string,
  { nodeId, controlPlane }: DecodeContext,
  { code, message, cause }: { readonly code: MeshError['code']; readonly message: string; readonly cause?: unknown },
): MeshError {
  const place = { resource: titleOf(kind, name), nodeId, controlPlane };
  return new MeshError(code, message, cause === undefined ? place : { ...place, cause });
}
