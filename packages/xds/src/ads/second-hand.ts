import type { MeshErrorCode } from '@inmesh/core';
import type { ResourceState } from './resource-state.ts';
import type { ResourceStatusState } from './status.ts';

/** How a control plane is, in the words of somebody who has its feed and tells it on. */
export interface SecondHand {
  /** Who that is, as people name it: `the main thread`. */
  readonly via: string;
  /** URI of the server in force there. */
  readonly controlPlane: string;
  /** It has answered, and the connection is up. */
  readonly connected: boolean;
  /** Why it cannot be reached; null while it can, as far as is known. */
  readonly outage: string | null;
}

/** What is wrong with a resource where it was taken from the control plane. Whoever hears it takes it as found, and does not judge anew. */
export interface Verdict {
  readonly name: string;
  readonly state: Exclude<ResourceStatusState, 'REQUESTED'>;
  /** An earlier version is in force all the same. */
  readonly inForce: boolean;
  /** Null: that of a resource of this type that does not exist. */
  readonly code: MeshErrorCode | null;
  readonly message: string;
  /** The version that was refused; null where none is. */
  readonly refusedVersion: string | null;
}

/** All that is known of a resource, to be told on. */
export interface KnownResource {
  /** What is in force; never written to. Null for nothing. */
  readonly bytes: Uint8Array | null;
  readonly version: string;
  /** Null where nothing is wrong. */
  readonly verdict: Verdict | null;
}

/** What is known of a resource, in words that can be told on. */
export function tellOn({ name, bytes, version, refused, trouble, state }: ResourceState<unknown>): KnownResource {
  const error = refused?.error ?? trouble?.error;
  if (error === undefined || state === 'REQUESTED') return { bytes, version, verdict: null };
  const { code, reason: message } = error;
  const refusedVersion = refused?.version ?? null;
  return { bytes, version, verdict: { name, state, inForce: bytes !== null, code, message, refusedVersion } };
}
