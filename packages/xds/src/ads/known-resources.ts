import type { Kind, MeshError, Model } from '@inmesh/core';
import { AnswerTimers } from './answer-timers.ts';
import { Audience } from './audience.ts';
import type { CacheHost } from './cache-host.ts';
import { Collection } from './collection.ts';
import { LastGood } from './last-good.ts';
import { reasonOf } from './reason.ts';
import { ResourceState, type Trouble } from './resource-state.ts';
import type { ResourceType } from './resource-type.ts';
import type { Verdict } from './second-hand.ts';
import { newResourceTypeStats, type ResourceTypeStats } from './status.ts';
import { startTtl } from './time-to-live.ts';
import { resourceError } from './wording.ts';

/** A version that is to come into force. */
export interface AcceptedVersion {
  readonly version: string;
  readonly ttlMs: number | null;
  readonly secondHand?: boolean;
}

/**
 * Bytes of a refused resource that are kept at most: hundreds of times an ordinary one, and little beside the response that it
 * came in. A larger one is decoded again when it comes again.
 */
const longestRefused = 1024 * 1024;

/** What is known of each resource of one type, each way in which that changes, and who is told. */
export class KnownResources<K extends Kind> {
  readonly type: ResourceType<K>;
  readonly stats: ResourceTypeStats = newResourceTypeStats();
  /** The watchers of the whole type. */
  readonly all: Collection<Model[K]>;
  /** The watchers of single resources. */
  readonly audience: Audience<K>;
  readonly timers: AnswerTimers<Model[K]>;
  /** The versions that are kept are those of single resources, as delta servers give them. */
  deltaVersions = false;
  readonly #host: CacheHost;
  readonly #states = new Map<string, ResourceState<Model[K]>>();
  readonly #lastGood: LastGood<K>;

  constructor(type: ResourceType<K>, host: CacheHost) {
    this.type = type;
    this.#host = host;
    this.#lastGood = new LastGood(type, host);
    this.audience = new Audience(type.kind, host);
    this.all = new Collection((cause) => {
      host.onError(new Error(`a watcher of each ${type.kind} threw`, { cause }));
    });
    this.timers = new AnswerTimers(host, {
      onExpired: (state) => this.#expire(state),
      onAllExpired: () => this.#expireAll(),
    });
  }

  get(name: string): ResourceState<Model[K]> | undefined {
    return this.#states.get(name);
  }

  /** As they are now: what a watcher adds while they are gone through is not among them. */
  list(): readonly ResourceState<Model[K]>[] {
    return [...this.#states.values()];
  }

  values(): Iterable<ResourceState<Model[K]>> {
    return this.#states.values();
  }

  add(name: string): ResourceState<Model[K]> {
    const state = new ResourceState<Model[K]>(name, this.#host.clock.wallNow());
    this.#states.set(name, state);
    this.timers.await(state);
    return state;
  }

  /** What is not watched is kept only where the server tells all there is, and so also when it changes or goes; or memory could grow without an end. */
  forUpdate(name: string): ResourceState<Model[K]> | null {
    const state = this.#states.get(name);
    if (state !== undefined) return state;
    const tellsAll = (this.type.fullState && !this.deltaVersions) || this.all.active;
    return tellsAll ? this.add(name) : null;
  }

  /** Nobody watches it: only what belongs to all of the type stays, as bytes. */
  forgetUnwatched(state: ResourceState<Model[K]> | undefined): void {
    if (state === undefined || state.seats.size > 0) return;
    if (this.all.active && state.bytes !== null) {
      state.value = null;
      return;
    }
    this.timers.settle(state);
    state.drop();
    this.#states.delete(state.name);
  }

  /** Makes the value of what was kept as bytes only. */
  build(state: ResourceState<Model[K]>): void {
    const { bytes, version } = state;
    if (bytes === null || state.value !== null) return;
    try {
      state.value = this.type.decode(bytes, this.#host.context).value;
    } catch (error) {
      state.drop();
      this.refuse(state, version, bytes, error);
    }
  }

  /** Puts the last good version in force, where nothing is known and the memory has one; true if so. */
  recall(state: ResourceState<Model[K]>): boolean {
    return this.#lastGood.recall(state);
  }

  /** Remembers what is in force and watched. */
  keep(state: ResourceState<Model[K]>): void {
    this.#lastGood.keep(state);
  }

  /** A new version is in force. `bytes` are an own copy. */
  accept(
    state: ResourceState<Model[K]>,
    { version, ttlMs, secondHand = false }: AcceptedVersion,
    bytes: Uint8Array,
    value: Model[K],
  ): void {
    this.answered(state);
    state.bytes = bytes;
    state.version = version;
    state.acceptedAt = state.updatedAt;
    state.priority = this.#host.priority;
    state.remembered = false;
    state.secondHand = secondHand;
    state.refused = null;
    state.trouble = null;
    this.live(state, ttlMs);
    this.keep(state);
    // Nobody watches: the bytes stay, and the value is decoded again when somebody comes.
    state.value = state.seats.size > 0 ? value : null;
    this.audience.tell(state, (watcher) => watcher.changed(value));
    this.all.tell((watcher) => watcher.changed(state.name, value));
  }

  /** The server sent again what is in force. */
  confirm(state: ResourceState<Model[K]>, { version, ttlMs, secondHand = false }: AcceptedVersion): void {
    const recovered = state.refused !== null || state.trouble !== null;
    if (recovered) this.touch(state);
    state.refused = null;
    state.trouble = null;
    state.version = version;
    state.priority = this.#host.priority;
    const wasRemembered = state.remembered;
    if (wasRemembered) {
      this.answered(state);
      state.acceptedAt = state.updatedAt;
    }
    state.remembered = false;
    state.secondHand = secondHand;
    this.live(state, ttlMs);
    this.keep(state);
    if (wasRemembered) this.#tellAllAnew(state);
    if (recovered) this.audience.tell(state, (watcher) => watcher.recovered?.());
  }

  /** Whoever hears of each resource was told nothing of one that was only remembered. */
  #tellAllAnew(state: ResourceState<Model[K]>): void {
    if (!this.all.active) return;
    this.build(state);
    const { name, value } = state;
    if (value !== null) this.all.tell((watcher) => watcher.changed(name, value));
  }

  /** `cause`: what the decoder threw. */
  refuse(state: ResourceState<Model[K]>, version: string, bytes: Uint8Array, cause: unknown): void {
    const reason = reasonOf(cause);
    const told = state.refused?.reason === reason;
    const kept = bytes.length <= longestRefused ? bytes : null;
    const message = `the control plane's version "${version}" was refused: ${reason}`;
    const error = this.#error('invalid_config', message, state.name, cause);
    this.answered(state);
    if (this.#host.features.failOnDataErrors) this.dropValue(state);
    state.refused = { bytes: kept, version, at: state.updatedAt, reason, error };
    state.trouble = null;
    if (!told) this.#tellBad(state, error);
  }

  /** The server took it away, and that is to be heeded. */
  delete(state: ResourceState<Model[K]>): void {
    this.dropValue(state);
    this.#states.delete(state.name);
  }

  /** What is wrong with it was found elsewhere. */
  judge(state: ResourceState<Model[K]>, { state: kind, inForce, code, message, refusedVersion }: Verdict): void {
    const before = state.refused?.error ?? state.trouble?.error;
    const error = this.#error(code ?? this.type.absentCode, message, state.name);
    this.answered(state);
    if (!inForce) this.dropValue(state);
    if (!inForce && state.seats.size === 0) {
      this.#states.delete(state.name);
      return;
    }
    const refused = kind === 'NACKED';
    // Its bytes are where it was refused.
    const version = refusedVersion ?? '';
    state.refused = refused ? { bytes: null, version, at: state.updatedAt, reason: message, error } : null;
    state.trouble = refused ? null : { state: kind, error };
    if (before?.message !== error.message) this.#tellBad(state, error);
  }

  becomeAbsent(state: ResourceState<Model[K]>, why: string): void {
    this.dropValue(state);
    state.refused = null;
    this.trouble(state, 'DOES_NOT_EXIST', this.type.absentCode, `it does not exist: ${why}`);
  }

  notAmongAll(state: ResourceState<Model[K]>): void {
    this.answered(state);
    this.becomeAbsent(state, 'it is not among all that the control plane has');
  }

  trouble(state: ResourceState<Model[K]>, kind: Trouble['state'], code: MeshError['code'], message: string): void {
    const error = this.#error(code, message, state.name);
    state.trouble = { state: kind, error };
    this.#tellBad(state, error);
  }

  dropValue(state: ResourceState<Model[K]>): void {
    const { bytes, name } = state;
    state.drop();
    this.#lastGood.forget(name);
    if (bytes !== null) this.all.tell((watcher) => watcher.removed(name));
  }

  /** It came, or was said to be as it was: it stays for so long. */
  live(state: ResourceState<Model[K]>, ttlMs: number | null): void {
    state.ttl?.cancel();
    state.ttl = startTtl(this.#host.clock, ttlMs, (ms) => {
      this.touch(state);
      if (state.seats.size === 0) this.delete(state);
      else this.becomeAbsent(state, `its time to live, ${ms} ms, passed without a refresh`);
    });
  }

  answered(state: ResourceState<Model[K]>): void {
    this.timers.settle(state);
    this.touch(state);
  }

  touch(state: ResourceState<Model[K]>): void {
    state.updatedAt = this.#host.clock.wallNow();
  }

  #tellBad(state: ResourceState<Model[K]>, error: MeshError): void {
    this.audience.tellBad(state, error);
    if (error.code === 'invalid_config') this.all.tell((watcher) => watcher.ambientError(error));
  }

  #expire(state: ResourceState<Model[K]>): void {
    const { resourceTimeoutMs, features } = this.#host;
    this.stats.init_fetch_timeout++;
    this.touch(state);
    const message = `the control plane did not answer within ${resourceTimeoutMs} ms`;
    // A server that never answered for this type has given no verdict: it may be stopped behind a live connection.
    const silent = state.remembered && this.stats.update_attempt === 0;
    if (silent) this.timers.await(state);
    if (silent || features.resourceTimerIsTransientError) {
      this.trouble(state, 'TIMEOUT', 'connection_failure', message);
    } else {
      this.becomeAbsent(state, message);
    }
  }

  #expireAll(): void {
    this.stats.init_fetch_timeout++;
    const message = `the control plane did not answer within ${this.#host.resourceTimeoutMs} ms`;
    const error = this.#error('config_timeout', message, '*');
    this.all.tell((watcher) => watcher.ambientError(error));
  }

  #error(code: MeshError['code'], message: string, name: string, cause?: unknown): MeshError {
    return resourceError(this.type.kind, name, this.#host.context, { code, message, cause });
  }
}
