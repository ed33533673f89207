import { type Clock, type Kind, MeshError, type Model, type Unwatch, type Watcher } from '@inmesh/core';
import { reasonOf } from './reason.ts';
import { ResourceState, type Seat } from './resource-state.ts';
import type { DecodeContext, ResourceType } from './resource-type.ts';
import { newResourceTypeStats, type ResourceStatus, type ResourceTypeStats } from './status.ts';
import type { UpdatedResource } from './stream.ts';
import { Subscription } from './subscription.ts';

/** What a cache needs from the client around it. */
export interface CacheHost {
  readonly context: DecodeContext;
  readonly clock: Clock;
  /** Milliseconds. */
  readonly resourceTimeoutMs: number;
  /** Why the control plane cannot be reached; null while it can, as far as is known. */
  readonly outage: MeshError | null;
  subscriptionChanged(): void;
  onError(error: Error): void;
}

/** What became of one resource of a response. */
export interface Applied {
  /** Null where it could not be told. */
  readonly name: string | null;
  /** For the NACK; null where it was accepted. */
  readonly refusal: string | null;
}

/** The resources of one type from one server: what is known of each, and who watches it. */
export class TypeCache<K extends Kind> {
  readonly type: ResourceType<K>;
  readonly subscription: Subscription;
  readonly stats: ResourceTypeStats = newResourceTypeStats();
  readonly #host: CacheHost;
  readonly #states = new Map<string, ResourceState<Model[K]>>();
  /** Asked for or to be asked for, without an answer and without a timer. */
  readonly #untimed = new Set<ResourceState<Model[K]>>();

  constructor(type: ResourceType<K>, host: CacheHost) {
    this.type = type;
    this.#host = host;
    this.subscription = new Subscription(type.typeUrl, (changes) => this.#onSent(changes));
  }

  watch(name: string, watcher: Watcher<Model[K]>): Unwatch {
    const state = this.#states.get(name) ?? this.#newState(name);
    this.#build(state);
    const seat: Seat<Model[K]> = { watcher };
    state.seats.add(seat);
    if (this.subscription.add(name)) this.#host.subscriptionChanged();
    this.#replay(state, seat);
    return () => {
      if (!state.seats.delete(seat) || state.seats.size > 0) return;
      this.subscription.remove(name);
      this.#host.subscriptionChanged();
    };
  }

  /** Takes one resource of a response. Whatever is wrong with it stays with it. */
  apply(resource: UpdatedResource): Applied {
    const { bytes } = resource;
    if (resource.problem !== null) return { name: resource.name, refusal: `a resource: ${resource.problem}` };
    if (bytes === null) return { name: resource.name, refusal: null };
    const name = resource.name ?? this.type.nameOf(bytes);
    if (resource.typeUrl !== this.type.typeUrl) {
      const refusal = `${this.#title(name)}: it is a "${resource.typeUrl}" in a response of "${this.type.typeUrl}"`;
      return { name, refusal };
    }
    const known = name === null ? undefined : this.#states.get(name);
    if (known?.bytes != null && Buffer.compare(known.bytes, bytes) === 0) {
      if (known.refused !== null) this.#touch(known);
      known.refused = null;
      known.version = resource.version;
      return { name, refusal: null };
    }
    if (known?.refused != null && Buffer.compare(known.refused.bytes, bytes) === 0) {
      this.stats.resource_updates_invalid++;
      return { name, refusal: `${this.#title(name)}: ${known.refused.reason}` };
    }
    return this.#applyNew(name, resource.version, new Uint8Array(bytes));
  }

  /** The server says that it has no such resource, or no more. */
  remove(name: string): void {
    const state = this.#states.get(name);
    if (state !== undefined) this.#remove(state, 'the control plane removed it');
  }

  /**
   * Ends a response with the state of the world: of a type with full state, what was there and is not any more was
   * removed. What never came may only be late: this response may answer an earlier request, so its timer decides.
   */
  removeOthers(present: ReadonlySet<string>): void {
    if (!this.type.fullState) return;
    for (const state of [...this.#states.values()]) {
      if (present.has(state.name) || (state.bytes === null && state.refused === null)) continue;
      this.#remove(state, 'the control plane removed it');
    }
  }

  /** Tells all watchers bad news that leaves everything in force. */
  ambientError(error: MeshError): void {
    if (this.subscription.names.size > 0) this.stats.update_failure++;
    for (const state of [...this.#states.values()]) this.#tell(state, (watcher) => watcher.ambientError(error));
  }

  /** The stream is gone: nobody can answer, so no timer runs. */
  stopTimers(): void {
    for (const state of this.#states.values()) {
      if (state.timer === null) continue;
      state.stopTimer();
      this.#untimed.add(state);
    }
  }

  /** Forgets all watchers. */
  close(): void {
    this.stopTimers();
    for (const state of this.#states.values()) state.seats.clear();
  }

  status(): ResourceStatus[] {
    return Array.from(this.#states.values(), (state) => ({
      kind: this.type.kind,
      typeUrl: this.type.typeUrl,
      name: state.name,
      state: state.state,
      version: state.version,
      error: state.refused?.error.message ?? state.absence?.message ?? null,
      refusedVersion: state.refused?.version ?? null,
      updatedAt: state.updatedAt,
      watched: state.seats.size > 0,
    }));
  }

  #applyNew(hint: string | null, version: string, bytes: Uint8Array): Applied {
    let name = hint;
    let value: Model[K];
    try {
      const decoded = this.type.decode(bytes, this.#host.context);
      name ??= decoded.name;
      value = decoded.value;
    } catch (error) {
      this.stats.resource_updates_invalid++;
      const reason = reasonOf(error);
      if (name !== null) this.#refuse(name, version, bytes, reason, error);
      return { name, refusal: `${this.#title(name)}: ${reason}` };
    }
    this.stats.resource_updates_valid++;
    const state = this.#stateFor(name);
    if (state === null) return { name, refusal: null };
    this.#answered(state);
    state.bytes = bytes;
    state.version = version;
    state.refused = null;
    state.absence = null;
    // Nobody watches: the bytes stay, and the value is decoded again when somebody comes.
    state.value = state.seats.size > 0 ? value : null;
    this.#tell(state, (watcher) => watcher.changed(value));
    return { name, refusal: null };
  }

  #refuse(name: string, version: string, bytes: Uint8Array, reason: string, cause: unknown): void {
    const state = this.#stateFor(name);
    if (state === null) return;
    const told = state.refused?.reason === reason;
    const error = this.#error(
      'invalid_config',
      `the control plane's version "${version}" was refused: ${reason}`,
      name,
      cause,
    );
    this.#answered(state);
    state.refused = { bytes, version, reason, error };
    state.absence = null;
    if (told) return;
    this.#tell(state, (watcher) => (state.bytes === null ? watcher.resourceError(error) : watcher.ambientError(error)));
  }

  #remove(state: ResourceState<Model[K]>, why: string): void {
    if (state.seats.size === 0 && !this.subscription.isChanging(state.name)) {
      this.#states.delete(state.name);
      return;
    }
    this.#answered(state);
    this.#becomeAbsent(state, why);
  }

  #becomeAbsent(state: ResourceState<Model[K]>, why: string): void {
    const error = this.#error(this.type.absentCode, `it does not exist: ${why}`, state.name);
    state.bytes = null;
    state.value = null;
    state.version = '';
    state.refused = null;
    state.absence = error;
    this.#tell(state, (watcher) => watcher.resourceError(error));
  }

  /** Tells a new watcher what is known already. */
  #replay(state: ResourceState<Model[K]>, seat: Seat<Model[K]>): void {
    const refusal = state.refused?.error ?? null;
    const { value, absence } = state;
    const { outage } = this.#host;
    if (value !== null) this.#tellOne(state, seat, (watcher) => watcher.changed(value));
    else if (refusal !== null) this.#tellOne(state, seat, (watcher) => watcher.resourceError(refusal));
    else if (absence !== null) this.#tellOne(state, seat, (watcher) => watcher.resourceError(absence));
    if (value !== null && refusal !== null) this.#tellOne(state, seat, (watcher) => watcher.ambientError(refusal));
    if (outage !== null) this.#tellOne(state, seat, (watcher) => watcher.ambientError(outage));
  }

  /** Makes the value of what was kept as bytes only. */
  #build(state: ResourceState<Model[K]>): void {
    const { name, bytes, version } = state;
    if (bytes === null || state.value !== null) return;
    try {
      state.value = this.type.decode(bytes, this.#host.context).value;
    } catch (error) {
      state.bytes = null;
      this.#refuse(name, version, bytes, reasonOf(error), error);
    }
  }

  #tell(state: ResourceState<Model[K]>, say: (watcher: Watcher<Model[K]>) => void): void {
    for (const seat of [...state.seats]) this.#tellOne(state, seat, say);
  }

  #tellOne(state: ResourceState<Model[K]>, seat: Seat<Model[K]>, say: (watcher: Watcher<Model[K]>) => void): void {
    if (!state.seats.has(seat)) return;
    try {
      say(seat.watcher);
    } catch (cause) {
      this.#host.onError(new Error(`a watcher of ${this.#title(state.name)} threw`, { cause }));
    }
  }

  /** What is not watched is kept only where the server tells all there is, and so also when it changes or goes. */
  #stateFor(name: string): ResourceState<Model[K]> | null {
    const state = this.#states.get(name);
    if (state !== undefined) return state;
    return this.type.fullState ? this.#newState(name) : null;
  }

  #newState(name: string): ResourceState<Model[K]> {
    const state = new ResourceState<Model[K]>(name, this.#host.clock.wallNow());
    this.#states.set(name, state);
    this.#untimed.add(state);
    return state;
  }

  #answered(state: ResourceState<Model[K]>): void {
    state.stopTimer();
    this.#untimed.delete(state);
    this.#touch(state);
  }

  #touch(state: ResourceState<Model[K]>): void {
    state.updatedAt = this.#host.clock.wallNow();
  }

  /** The names went out: what nobody watches is forgotten, and the wait for the rest begins. */
  #onSent(changes: ReadonlyMap<string, boolean>): void {
    for (const name of changes.keys()) {
      const state = this.#states.get(name);
      if (state === undefined || state.seats.size > 0) continue;
      state.stopTimer();
      this.#untimed.delete(state);
      this.#states.delete(name);
    }
    for (const state of this.#untimed) {
      state.timer = this.#host.clock.setTimer(this.#host.resourceTimeoutMs, () => this.#expire(state), { unref: true });
    }
    this.#untimed.clear();
  }

  #expire(state: ResourceState<Model[K]>): void {
    state.timer = null;
    this.stats.init_fetch_timeout++;
    this.#touch(state);
    this.#becomeAbsent(state, `the control plane did not answer within ${this.#host.resourceTimeoutMs} ms`);
  }

  #title(name: string | null): string {
    return name === null ? `a ${this.type.kind} without a readable name` : `${this.type.kind} "${name}"`;
  }

  #error(code: MeshError['code'], message: string, name: string, cause?: unknown): MeshError {
    const { nodeId, controlPlane } = this.#host.context;
    const place = { resource: this.#title(name), nodeId, controlPlane };
    return new MeshError(code, message, cause === undefined ? place : { ...place, cause });
  }
}
