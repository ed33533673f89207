import type { Kind } from '@inmesh/core';

/** A resource as it was accepted. */
export interface KeptResource {
  readonly version: string;
  readonly bytes: Uint8Array;
}

/**
 * Outlives the client: the last good version of what was watched, for when the control plane cannot be asked. What it gives is
 * decoded and validated like anything that comes from the control plane, and is in force until the control plane says otherwise.
 */
export interface ResourceMemory {
  recall(kind: Kind, name: string): KeptResource | null;
  /** A watched resource is in force. `bytes` are not written to any more. */
  keep(kind: Kind, name: string, resource: KeptResource): void;
  /** It is not in force any more, or must not be kept. */
  forget(kind: Kind, name: string): void;
}
