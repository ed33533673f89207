import { type Clock, type Kind, MeshError, type Model, type Timer, type Unwatch, type Watcher } from '@inmesh/core';
import { Collection, type CollectionSeat, type CollectionWatcher } from './collection.ts';
import { reasonOf } from './reason.ts';
import type { ResourceMemory } from './resource-memory.ts';
import { canonicalName } from './resource-name.ts';
import { ResourceState, type Seat, type Trouble } from './resource-state.ts';
import type { DecodeContext, Decoded, ResourceType } from './resource-type.ts';
import type { ServerFeatures } from './server-features.ts';
import type { Job } from './slices.ts';
import { newResourceTypeStats, type ResourceStatus, type ResourceTypeStats } from './status.ts';
import type { ServerProblem, UpdatedResource } from './stream.ts';
import { Subscription } from './subscription.ts';
import { Wanted } from './wanted.ts';

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
  subscriptionChanged(): void;
  /** Does work between that of responses. */
  run(job: Job): void;
  onError(error: Error): void;
}

/** What became of one resource of a response. */
export interface Applied {
  /** Null where it could not be told. */
  readonly name: string | null;
  /** For the NACK; null where it was accepted. */
  readonly refusal: string | null;
}

/** Codes of gRPC by which a server says that a resource is not for us: NOT_FOUND and PERMISSION_DENIED (gRFC A88). */
const dataErrorCodes: ReadonlySet<number> = new Set([5, 7]);

/** The longest that a timer of Node can run, some 25 days: what lives longer needs none. */
const longestTimerMs = 2 ** 31 - 1;

/** The resources of one type, whichever of several equal servers they come from: what is known of each, and who watches it. */
export class TypeCache<K extends Kind> {
  readonly type: ResourceType<K>;
  readonly wanted: Wanted = new Wanted();
  readonly stats: ResourceTypeStats = newResourceTypeStats();
  readonly #host: CacheHost;
  readonly #states = new Map<string, ResourceState<Model[K]>>();
  /** By the place of the server. */
  readonly #subscriptions: Subscription[] = [];
  readonly #all: Collection<Model[K]>;
  /** Asked for or to be asked for, without an answer and without a timer. */
  readonly #untimed = new Set<ResourceState<Model[K]>>();
  /** Runs while all of the type was asked for and no response came. */
  #allTimer: Timer | null = null;
  /** Nobody wants all of the type any more: what is not watched goes when the server is told. */
  #allDropped = false;
  /** The versions that are kept are those of single resources. */
  #deltaVersions = false;

  constructor(type: ResourceType<K>, host: CacheHost) {
    this.type = type;
    this.#host = host;
    this.#all = new Collection((cause) => {
      host.onError(new Error(`a watcher of each ${type.kind} threw`, { cause }));
    });
  }

  /** What the server at a place is asked for. */
  subscription(priority: number): Subscription {
    this.#subscriptions[priority] ??= new Subscription(this.type.typeUrl, this.wanted, {
      onSent: (changes) => {
        if (priority === this.#host.priority) this.#onSent(changes);
      },
      held: () => this.#held(priority),
    });
    return this.#subscriptions[priority];
  }

  watch(anyName: string, watcher: Watcher<Model[K]>): Unwatch {
    const name = canonicalName(anyName);
    const state = this.#states.get(name) ?? this.#newState(name);
    this.#build(state);
    if (this.#all.settled && state.unknown) this.#notAmongAll(state);
    // While the server can be asked, its word is worth the wait: the memory may be old.
    if (!this.#host.connected) this.#recall(state);
    const seat: Seat<Model[K]> = { watcher };
    state.seats.add(seat);
    if (!state.remembered) this.#keep(state);
    if (this.wanted.add(name)) this.#host.subscriptionChanged();
    this.#replay(state, seat);
    return () => {
      if (!state.seats.delete(seat) || state.seats.size > 0) return;
      this.wanted.remove(name);
      this.#host.subscriptionChanged();
    };
  }

  /** What is known already is told bit by bit, after the response that is being applied. */
  watchAll(watcher: CollectionWatcher<Model[K]>): Unwatch {
    const seat: CollectionSeat<Model[K]> = { watcher };
    let left = false;
    this.#all.join();
    this.#allDropped = false;
    if (!this.wanted.wildcard) {
      this.wanted.wildcard = true;
      this.#host.subscriptionChanged();
    }
    const replay = this.#replayAll(seat, () => left);
    this.#host.run({ step: () => replay.next().done !== true, done: () => {} });
    return () => {
      if (left) return;
      left = true;
      this.#all.leave(seat);
      if (this.#all.active) return;
      this.#stopAllTimer();
      this.#allDropped = true;
      this.wanted.wildcard = false;
      this.#host.subscriptionChanged();
    };
  }

  /** Something is watched of which nothing is known, or nothing but what was remembered. */
  get lacking(): boolean {
    if (this.#all.active && !this.#all.settled) return true;
    for (const state of this.#states.values()) {
      if (state.seats.size === 0) continue;
      if (state.unknown || state.remembered || state.trouble?.state === 'TIMEOUT') return true;
    }
    return false;
  }

  /** Names of what is in force. */
  *names(): Generator<string> {
    for (const { name, bytes } of this.#states.values()) if (bytes !== null) yield name;
  }

  /** Takes one resource of a response, in steps. Whatever is wrong with it stays with it. `complete`: of a response of the state-of-the-world variant. */
  *apply(resource: UpdatedResource, complete: boolean): Generator<undefined, Applied, undefined> {
    const { bytes } = resource;
    this.#deltaVersions = !complete;
    if (resource.problem !== null) return { name: resource.name, refusal: `a resource: ${resource.problem}` };
    const name = this.#nameOf(resource);
    const known = name === null ? undefined : this.#states.get(name);
    if (bytes === null) {
      if (known?.bytes != null) this.#live(known, resource.ttlMs);
      return { name, refusal: null };
    }
    if (resource.typeUrl !== this.type.typeUrl) {
      const refusal = `${this.#title(name)}: it is a "${resource.typeUrl}" in a response of "${this.type.typeUrl}"`;
      return { name, refusal };
    }
    if (known?.bytes != null && Buffer.compare(known.bytes, bytes) === 0) {
      if (known.refused !== null || known.trouble !== null) this.#touch(known);
      known.refused = null;
      known.trouble = null;
      known.version = resource.version;
      known.priority = this.#host.priority;
      if (known.remembered) this.#answered(known);
      known.remembered = false;
      this.#live(known, resource.ttlMs);
      this.#keep(known);
      return { name, refusal: null };
    }
    if (known?.refused != null && Buffer.compare(known.refused.bytes, bytes) === 0) {
      this.stats.resource_updates_invalid++;
      return { name, refusal: `${this.#title(name)}: ${known.refused.reason}` };
    }
    return yield* this.#applyNew(name, resource, new Uint8Array(bytes));
  }

  /** The server says that it has no such resource, or no more. */
  remove(name: string): void {
    const state = this.#states.get(canonicalName(name));
    if (state !== undefined && !this.#outranks(state)) this.#remove(state);
  }

  /**
   * Ends a response with the state of the world: of a type with full state, what was there and is not any more was
   * removed. What never came may only be late, where it was asked for by name: this response may answer an earlier
   * request, so its timer decides.
   */
  removeOthers(present: ReadonlySet<string>): void {
    if (!this.type.fullState) return;
    for (const state of [...this.#states.values()]) {
      if (present.has(state.name) || this.#outranks(state)) continue;
      // What is only remembered never came, either.
      const came = state.bytes !== null && (!state.remembered || this.#all.active);
      if (came || state.refused !== null) this.#remove(state);
      else if (this.#all.active && state.unknown) this.#notAmongAll(state);
    }
  }

  /** The server says why it does not send a resource. */
  hearProblem({ name, code, message }: ServerProblem): void {
    const state = this.#states.get(canonicalName(name));
    if (state === undefined) return;
    const isDataError = dataErrorCodes.has(code);
    const told = `the control plane answered with status ${code}${message === '' ? '' : `: ${message}`}`;
    const error = this.#error(isDataError ? this.type.absentCode : 'connection_failure', told, name);
    this.#answered(state);
    if (isDataError && this.#host.features.failOnDataErrors) this.#dropValue(state);
    this.#trouble(state, { state: 'RECEIVED_ERROR', error });
  }

  /** All of a response was applied. */
  endResponse(): void {
    if (!this.#all.active) return;
    this.#stopAllTimer();
    if (!this.#all.settled) {
      this.#all.settled = true;
      for (const state of [...this.#states.values()]) if (state.unknown) this.#notAmongAll(state);
    }
    this.#all.tell((watcher) => watcher.settled());
  }

  /** Tells all watchers bad news that leaves everything in force. */
  ambientError(error: MeshError): void {
    if (this.wanted.any) this.stats.update_failure++;
    for (const state of [...this.#states.values()]) {
      const recalled = state.seats.size > 0 && this.#recall(state);
      const { value } = state;
      if (recalled && value !== null) this.#tell(state, (watcher) => watcher.changed(value));
      this.#tell(state, (watcher) => watcher.ambientError(error));
    }
    this.#all.tell((watcher) => watcher.ambientError(error));
  }

  /** The connection is up: the wait for what was asked for begins. */
  startTimers(): void {
    if (this.wanted.wildcard && !this.#all.settled && this.#allTimer === null) {
      this.#allTimer = this.#setTimer(this.#host.resourceTimeoutMs, () => this.#expireAll());
    }
    for (const state of this.#untimed) {
      state.timer = this.#setTimer(this.#host.resourceTimeoutMs, () => this.#expire(state));
    }
    this.#untimed.clear();
  }

  /** The stream is gone: nobody can answer, so no timer runs but those that the server set before. */
  stopTimers(): void {
    this.#stopAllTimer();
    for (const state of this.#states.values()) {
      if (state.timer === null) continue;
      state.stopTimer();
      this.#untimed.add(state);
    }
  }

  /** Forgets all watchers. */
  close(): void {
    this.stopTimers();
    this.#all.close();
    for (const state of this.#states.values()) {
      state.seats.clear();
      state.ttl?.cancel();
    }
  }

  status(): ResourceStatus[] {
    return Array.from(this.#states.values(), (state) => ({
      kind: this.type.kind,
      typeUrl: this.type.typeUrl,
      name: state.name,
      state: state.state,
      version: state.version,
      error: state.refused?.error.message ?? state.trouble?.error.message ?? null,
      refusedVersion: state.refused?.version ?? null,
      updatedAt: state.updatedAt,
      watched: state.seats.size > 0,
    }));
  }

  *#applyNew(
    hint: string | null,
    { version, ttlMs }: UpdatedResource,
    bytes: Uint8Array,
  ): Generator<undefined, Applied, undefined> {
    let name = hint;
    let value: Model[K];
    try {
      const decoded = yield* this.#decode(bytes);
      name ??= canonicalName(decoded.name);
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
    state.priority = this.#host.priority;
    state.remembered = false;
    state.refused = null;
    state.trouble = null;
    this.#live(state, ttlMs);
    this.#keep(state);
    // Nobody watches: the bytes stay, and the value is decoded again when somebody comes.
    state.value = state.seats.size > 0 ? value : null;
    this.#tell(state, (watcher) => watcher.changed(value));
    this.#all.tell((watcher) => watcher.changed(state.name, value));
    return { name, refusal: null };
  }

  *#decode(bytes: Uint8Array): Generator<undefined, Decoded<Model[K]>, undefined> {
    const { context } = this.#host;
    if (this.type.decodeInSteps === undefined) return this.type.decode(bytes, context);
    const decoded = yield* this.type.decodeInSteps(bytes, context);
    yield; // What its watchers do with a large one should not have to share a slice with the end of its decoding.
    return decoded;
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
    if (this.#host.features.failOnDataErrors) this.#dropValue(state);
    state.refused = { bytes, version, reason, error };
    state.trouble = null;
    if (told) return;
    this.#tellBad(state, error);
  }

  /** A better server than the one in force gave it: until that one gives another, it stays, whatever it has not got. */
  #outranks(state: ResourceState<Model[K]>): boolean {
    return state.bytes !== null && !state.remembered && state.priority < this.#host.priority;
  }

  #remove(state: ResourceState<Model[K]>): void {
    const { ignoreResourceDeletion, failOnDataErrors } = this.#host.features;
    const used = state.seats.size > 0 || this.#all.active;
    if (used && state.bytes !== null && this.type.fullState && ignoreResourceDeletion && !failOnDataErrors) {
      if (state.trouble?.state === 'ACKED') return;
      const message = 'the control plane removed it; it stays in force, as ignore_resource_deletion asks';
      state.refused = null;
      this.#touch(state);
      this.#trouble(state, { state: 'ACKED', error: this.#error(this.type.absentCode, message, state.name) });
    } else if (state.seats.size === 0 && !this.subscription(this.#host.priority).isChanging(state.name)) {
      this.#dropValue(state);
      this.#states.delete(state.name);
    } else {
      this.#answered(state);
      this.#becomeAbsent(state, 'the control plane removed it');
    }
  }

  #notAmongAll(state: ResourceState<Model[K]>): void {
    this.#answered(state);
    this.#becomeAbsent(state, 'it is not among all that the control plane has');
  }

  #becomeAbsent(state: ResourceState<Model[K]>, why: string): void {
    this.#dropValue(state);
    state.refused = null;
    const error = this.#error(this.type.absentCode, `it does not exist: ${why}`, state.name);
    this.#trouble(state, { state: 'DOES_NOT_EXIST', error });
  }

  #trouble(state: ResourceState<Model[K]>, trouble: Trouble): void {
    state.trouble = trouble;
    this.#tellBad(state, trouble.error);
  }

  #dropValue(state: ResourceState<Model[K]>): void {
    const { bytes, name } = state;
    state.drop();
    this.#host.memory?.forget(this.type.kind, name);
    if (bytes !== null) this.#all.tell((watcher) => watcher.removed(name));
  }

  /** It came, or was said to be as it was: it stays for so long. */
  #live(state: ResourceState<Model[K]>, ttlMs: number | null): void {
    state.ttl?.cancel();
    state.ttl = null;
    if (ttlMs === null || ttlMs > longestTimerMs) return;
    state.ttl = this.#setTimer(Math.max(0, ttlMs), () => {
      this.#touch(state);
      if (state.seats.size > 0) {
        this.#becomeAbsent(state, `its time to live, ${ttlMs} ms, passed without a refresh`);
      } else {
        this.#dropValue(state);
        this.#states.delete(state.name);
      }
    });
  }

  /** Tells a new watcher what is known already. */
  #replay(state: ResourceState<Model[K]>, seat: Seat<Model[K]>): void {
    const { value } = state;
    const bad = state.refused?.error ?? state.trouble?.error ?? null;
    const { outage } = this.#host;
    if (value !== null) this.#tellOne(state, seat, (watcher) => watcher.changed(value));
    if (bad !== null) {
      this.#tellOne(state, seat, (watcher) =>
        value === null ? watcher.resourceError(bad) : watcher.ambientError(bad),
      );
    }
    if (outage !== null) this.#tellOne(state, seat, (watcher) => watcher.ambientError(outage));
  }

  *#replayAll(seat: CollectionSeat<Model[K]>, left: () => boolean): Generator<undefined, void, undefined> {
    if (left()) return;
    this.#all.seat(seat);
    for (const name of [...this.names()]) {
      const state = this.#states.get(name);
      if (state?.bytes == null) continue;
      const value = state.value ?? (yield* this.#decode(state.bytes)).value;
      this.#all.tellOne(seat, (watcher) => watcher.changed(name, value));
      yield;
    }
    if (this.#all.settled) this.#all.tellOne(seat, (watcher) => watcher.settled());
    const { outage } = this.#host;
    if (outage !== null) this.#all.tellOne(seat, (watcher) => watcher.ambientError(outage));
  }

  /** Makes the value of what was kept as bytes only. */
  #build(state: ResourceState<Model[K]>): void {
    const { name, bytes, version } = state;
    if (bytes === null || state.value !== null) return;
    try {
      state.value = this.type.decode(bytes, this.#host.context).value;
    } catch (error) {
      state.drop();
      this.#refuse(name, version, bytes, reasonOf(error), error);
    }
  }

  /** Puts the last good version in force, where nothing is known and the memory has one; true if so. */
  #recall(state: ResourceState<Model[K]>): boolean {
    const { memory, context } = this.#host;
    const kept = memory !== null && state.unknown ? memory.recall(this.type.kind, state.name) : null;
    if (kept === null) return false;
    try {
      state.value = this.type.decode(kept.bytes, context).value;
    } catch {
      // What a former version of inmesh took and this one refuses: the server will be told when it sends that.
      memory?.forget(this.type.kind, state.name);
      return false;
    }
    state.bytes = kept.bytes;
    state.version = kept.version;
    state.remembered = true;
    return true;
  }

  /** Remembers what is in force and watched; not what is in force for a limited time. */
  #keep({ name, bytes, version, seats, ttl }: ResourceState<Model[K]>): void {
    const { memory } = this.#host;
    if (memory === null || bytes === null || seats.size === 0) return;
    if (ttl === null) memory.keep(this.type.kind, name, { version, bytes });
    else memory.forget(this.type.kind, name);
  }

  /** As the wrapper or the content has it; or an alias, where only that one is watched. */
  #nameOf({ name, aliases, bytes }: UpdatedResource): string | null {
    const written = name ?? (bytes === null ? null : this.type.nameOf(bytes));
    const own = written === null ? null : canonicalName(written);
    if (aliases.length === 0 || (own !== null && this.#states.has(own))) return own;
    return aliases.map(canonicalName).find((alias) => this.#states.has(alias)) ?? own;
  }

  /** Whether it hurts depends on whether an older version is in force. */
  #tellBad(state: ResourceState<Model[K]>, error: MeshError): void {
    const inForce = state.bytes !== null;
    this.#tell(state, (watcher) => (inForce ? watcher.ambientError(error) : watcher.resourceError(error)));
    if (error.code === 'invalid_config') this.#all.tell((watcher) => watcher.ambientError(error));
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

  /** What is not watched is kept only where the server tells all there is, and so also when it changes or goes; or memory could grow without an end. */
  #stateFor(name: string): ResourceState<Model[K]> | null {
    const state = this.#states.get(name);
    if (state !== undefined) return state;
    const tellsAll = (this.type.fullState && !this.#deltaVersions) || this.#all.active;
    return tellsAll ? this.#newState(name) : null;
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
    for (const name of changes.keys()) this.#forgetUnwatched(this.#states.get(name));
    if (this.#allDropped) {
      this.#allDropped = false;
      for (const state of [...this.#states.values()]) this.#forgetUnwatched(state);
    }
    if (this.#host.connected) this.startTimers();
  }

  #forgetUnwatched(state: ResourceState<Model[K]> | undefined): void {
    if (state === undefined || state.seats.size > 0) return;
    if (this.#all.active && state.bytes !== null) {
      state.value = null;
      return;
    }
    state.stopTimer();
    state.drop();
    this.#untimed.delete(state);
    this.#states.delete(state.name);
  }

  /** Only the server in force is told of what it gave: another is to send all it has, which is how it comes to be in force. */
  *#held(server: number): Generator<readonly [name: string, version: string]> {
    if (!this.#deltaVersions || server !== this.#host.priority) return;
    for (const { name, bytes, version, priority, remembered } of this.#states.values()) {
      if (bytes !== null && !remembered && priority === server) yield [name, version];
    }
  }

  #expire(state: ResourceState<Model[K]>): void {
    const { resourceTimeoutMs, features } = this.#host;
    state.timer = null;
    this.stats.init_fetch_timeout++;
    this.#touch(state);
    const message = `the control plane did not answer within ${resourceTimeoutMs} ms`;
    // A server that never answered for this type has given no verdict: it may be stopped behind a live connection.
    const silent = state.remembered && this.stats.update_attempt === 0;
    if (silent) this.#untimed.add(state);
    if (silent || features.resourceTimerIsTransientError) {
      this.#trouble(state, { state: 'TIMEOUT', error: this.#error('connection_failure', message, state.name) });
    } else {
      this.#becomeAbsent(state, message);
    }
  }

  #expireAll(): void {
    this.#allTimer = null;
    this.stats.init_fetch_timeout++;
    const { resourceTimeoutMs } = this.#host;
    const error = this.#error('config_timeout', `the control plane did not answer within ${resourceTimeoutMs} ms`, '*');
    this.#all.tell((watcher) => watcher.ambientError(error));
  }

  #stopAllTimer(): void {
    this.#allTimer?.cancel();
    this.#allTimer = null;
  }

  #setTimer(ms: number, callback: () => void): Timer {
    return this.#host.clock.setTimer(ms, callback, { unref: true });
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
