import type { Clock, MeshError } from '@inmesh/core';
import type { MassRemovalOptions } from './mass-removal.ts';
import type { ResourceMemory } from './resource-memory.ts';
import type { DecodeContext } from './resource-type.ts';
import type { ServerFeatures } from './server-features.ts';
import type { Job } from './slices.ts';

/** What a cache needs from the client around it; what concerns a server is that of the server in force. */
export interface CacheHost {
  /** Place of the server in force, 0 for the best. */
  readonly priority: number;
  readonly context: DecodeContext;
  readonly features: ServerFeatures;
  readonly clock: Clock;
  /** Milliseconds. */
  readonly resourceTimeoutMs: number;
  /** The connection of the stream is up, so that an answer can be waited for. */
  readonly connected: boolean;
  /** Why the control plane cannot be reached; null while it can, as far as is known. */
  readonly outage: MeshError | null;
  readonly memory: ResourceMemory | null;
  /** Null: removals are always believed. */
  readonly massRemoval: MassRemovalOptions | null;
  subscriptionChanged(): void;
  /** Does work between that of responses. */
  run(job: Job): void;
  onError(error: Error): void;
}
