import type { MeshError, Timer, Watcher } from '@inmesh/core';
import type { ResourceStatusState } from './status.ts';

/** A version that was refused; kept so that the same bytes are not decoded and told again. */
export interface RefusedVersion {
  readonly bytes: Uint8Array;
  readonly version: string;
  /** As in the NACK. */
  readonly reason: string;
  readonly error: MeshError;
}

/** One watcher's place; the same watcher may have two. */
export interface Seat<T> {
  readonly watcher: Watcher<T>;
}

/** All that is known of one resource. */
export class ResourceState<T> {
  readonly name: string;
  readonly seats: Set<Seat<T>> = new Set();
  /** Own copy of what is in force; null for nothing. */
  bytes: Uint8Array | null = null;
  /** Decoded from `bytes`; null until somebody watches. */
  value: T | null = null;
  /** Of `bytes`. */
  version = '';
  refused: RefusedVersion | null = null;
  /** Set while the server is known not to have it. */
  absence: MeshError | null = null;
  /** Runs while an answer is waited for. */
  timer: Timer | null = null;
  updatedAt: number;

  constructor(name: string, now: number) {
    this.name = name;
    this.updatedAt = now;
  }

  get state(): ResourceStatusState {
    if (this.refused !== null) return 'NACKED';
    if (this.bytes !== null) return 'ACKED';
    return this.absence === null ? 'REQUESTED' : 'DOES_NOT_EXIST';
  }

  stopTimer(): void {
    this.timer?.cancel();
    this.timer = null;
  }
}
