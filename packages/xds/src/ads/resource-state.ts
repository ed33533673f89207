import type { MeshError, Timer, Watcher } from '@inmesh/core';
import type { ResourceType } from './resource-type.ts';
import type { ResourceContent, ResourceStatus, ResourceStatusState } from './status.ts';

/** A version that was refused; kept so that the same bytes are not decoded and told again, and that an operator can see them. */
export interface RefusedVersion {
  /** Null where they are too large to be kept, or were refused elsewhere. */
  readonly bytes: Uint8Array | null;
  readonly version: string;
  /** Milliseconds since the epoch at which it was first refused. */
  readonly at: number;
  /** As in the NACK. */
  readonly reason: string;
  readonly error: MeshError;
}

/** What the server's words, or its silence, say against a resource. */
export interface Trouble {
  /** `ACKED`: what the server took away is kept in force, as its features ask. */
  readonly state: 'DOES_NOT_EXIST' | 'TIMEOUT' | 'RECEIVED_ERROR' | 'ACKED';
  readonly error: MeshError;
}

/** One watcher's place; the same watcher may have two. */
export interface Seat<T> {
  readonly watcher: Watcher<T>;
}

const nobody: ReadonlySet<never> = new Set();

/** All that is known of one resource. */
export class ResourceState<T> {
  readonly name: string;
  /** Null until the first: of a feed that is taken whole hardly any resource has one, and a set for each would cost megabytes. */
  #seats: Set<Seat<T>> | null = null;
  /** Own copy of what is in force; null for nothing. */
  bytes: Uint8Array | null = null;
  /** Decoded from `bytes`; null until somebody watches. */
  value: T | null = null;
  /** Of `bytes`. */
  version = '';
  /** Milliseconds since the epoch at which `bytes` came into force; 0 where that is not known. */
  acceptedAt = 0;
  /** Place of the server that gave `bytes`, 0 for the best. */
  priority = 0;
  /** `bytes` are from an earlier run or an earlier watch, and the server has not said yet that they are in force. */
  remembered = false;
  /** `bytes` were told on by somebody; their version means nothing to a server. */
  secondHand = false;
  refused: RefusedVersion | null = null;
  trouble: Trouble | null = null;
  /** Runs while `bytes` are in force for a limited time. */
  ttl: Timer | null = null;
  updatedAt: number;

  constructor(name: string, now: number) {
    this.name = name;
    this.updatedAt = now;
  }

  get state(): ResourceStatusState {
    if (this.refused !== null) return 'NACKED';
    if (this.trouble !== null) return this.trouble.state;
    return this.bytes === null || this.remembered ? 'REQUESTED' : 'ACKED';
  }

  get seats(): ReadonlySet<Seat<T>> {
    return this.#seats ?? nobody;
  }

  sit(seat: Seat<T>): void {
    this.#seats ??= new Set();
    this.#seats.add(seat);
  }

  /** False where it did not sit. */
  leave(seat: Seat<T>): boolean {
    const seats = this.#seats;
    if (seats?.delete(seat) !== true) return false;
    if (seats.size === 0) this.#seats = null;
    return true;
  }

  leaveAll(): void {
    this.#seats = null;
  }

  /** Nothing was heard of it. */
  get unknown(): boolean {
    return this.bytes === null && this.refused === null && this.trouble === null;
  }

  /** Nothing is in force any more. */
  drop(): void {
    this.bytes = null;
    this.value = null;
    this.version = '';
    this.acceptedAt = 0;
    this.remembered = false;
    this.secondHand = false;
    this.ttl?.cancel();
    this.ttl = null;
  }

  status({ kind, typeUrl }: Pick<ResourceType, 'kind' | 'typeUrl'>): ResourceStatus {
    return {
      kind,
      typeUrl,
      name: this.name,
      state: this.state,
      version: this.version,
      error: this.refused?.error.message ?? this.trouble?.error.message ?? null,
      refusedVersion: this.refused?.version ?? null,
      updatedAt: this.updatedAt,
      watched: this.seats.size > 0,
    };
  }

  content(type: Pick<ResourceType, 'kind' | 'typeUrl' | 'sensitive'>): ResourceContent {
    const { refused } = this;
    return {
      ...this.status(type),
      bytes: type.sensitive ? null : this.bytes,
      acceptedAt: this.bytes === null ? null : this.acceptedAt,
      refusedBytes: type.sensitive ? null : (refused?.bytes ?? null),
      refusedAt: refused?.at ?? null,
    };
  }
}
