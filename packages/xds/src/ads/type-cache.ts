import type { Kind, MeshError, Model, Unwatch, Watcher } from '@inmesh/core';
import type { CacheHost } from './cache-host.ts';
import type { CollectionSeat, CollectionWatcher } from './collection.ts';
import { Intake } from './intake.ts';
import { KnownResources } from './known-resources.ts';
import { canonicalName } from './resource-name.ts';
import type { Seat } from './resource-state.ts';
import { decodeInSteps, type ResourceType } from './resource-type.ts';
import { type KnownResource, tellOn } from './second-hand.ts';
import type { ResourceContent, ResourceStatus, ResourceTypeStats } from './status.ts';
import { Subscription } from './subscription.ts';
import { Wanted } from './wanted.ts';

/** The resources of one type, whichever of several equal servers they come from: who watches what, and so what servers are asked for. */
export class TypeCache<K extends Kind> {
  readonly type: ResourceType<K>;
  readonly wanted: Wanted = new Wanted();
  /** What responses do. */
  readonly intake: Intake<K>;
  readonly #host: CacheHost;
  readonly #known: KnownResources<K>;
  /** By the place of the server. */
  readonly #subscriptions: Subscription[] = [];
  /** Nobody wants all of the type any more: what is not watched goes when the server is told. */
  #allDropped = false;

  constructor(type: ResourceType<K>, host: CacheHost) {
    this.type = type;
    this.#host = host;
    this.#known = new KnownResources(type, host);
    const isLeaving = (name: string): boolean => this.subscription(host.priority).isChanging(name);
    this.intake = new Intake(this.#known, host, isLeaving);
  }

  get stats(): ResourceTypeStats {
    return this.#known.stats;
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
    const known = this.#known;
    const state = known.get(name) ?? known.add(name);
    known.build(state);
    if (known.all.settled && state.unknown) known.notAmongAll(state);
    // While the server can be asked, its word is worth the wait: the memory may be old.
    if (!this.#host.connected) known.recall(state);
    const seat: Seat<Model[K]> = { watcher };
    state.sit(seat);
    if (!state.remembered) known.keep(state);
    if (this.wanted.add(name)) this.#host.subscriptionChanged();
    known.audience.replay(state, seat);
    return () => {
      if (!state.leave(seat) || state.seats.size > 0) return;
      this.wanted.remove(name);
      this.#host.subscriptionChanged();
    };
  }

  /** What is known already is told bit by bit, after the response that is being applied. */
  watchAll(watcher: CollectionWatcher<Model[K]>): Unwatch {
    const { all, timers } = this.#known;
    const seat: CollectionSeat<Model[K]> = { watcher };
    let left = false;
    all.join();
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
      all.leave(seat);
      if (all.active) return;
      timers.settleAll();
      this.#allDropped = true;
      this.wanted.wildcard = false;
      this.#host.subscriptionChanged();
    };
  }

  /** Something is watched of which nothing is known, or nothing but what was remembered. */
  get lacking(): boolean {
    const { all } = this.#known;
    if (all.active && !all.settled) return true;
    for (const state of this.#known.values()) {
      if (state.seats.size === 0) continue;
      if (state.unknown || state.remembered || state.trouble?.state === 'TIMEOUT') return true;
    }
    return false;
  }

  /** Names of what is in force. */
  *names(): Generator<string> {
    for (const { name, bytes } of this.#known.values()) if (bytes !== null) yield name;
  }

  /** Names of which anything was heard. */
  *known(): Generator<string> {
    for (const state of this.#known.values()) if (!state.unknown) yield state.name;
  }

  /** What is known of a resource, to be told on; null for nothing. */
  look(name: string): KnownResource | null {
    const state = this.#known.get(name);
    return state === undefined || state.unknown ? null : tellOn(state);
  }

  /** Tells all watchers bad news that leaves everything in force. */
  ambientError(error: MeshError): void {
    const known = this.#known;
    if (this.wanted.any) known.stats.update_failure++;
    for (const state of known.list()) {
      const recalled = state.seats.size > 0 && known.recall(state);
      const { value } = state;
      if (recalled && value !== null) known.audience.tell(state, (watcher) => watcher.changed(value));
      known.audience.tell(state, (watcher) => watcher.ambientError(error));
    }
    known.all.tell((watcher) => watcher.ambientError(error));
  }

  /** The connection is up: the wait for what was asked for begins. */
  startTimers(): void {
    this.#known.timers.start(this.wanted.wildcard && !this.#known.all.settled);
  }

  /** The stream is gone: nobody can answer, so no timer runs but those that the server set before. */
  stopTimers(): void {
    this.#known.timers.stop();
  }

  /** Forgets all watchers. */
  close(): void {
    this.stopTimers();
    this.#known.all.close();
    this.intake.close();
    for (const state of this.#known.values()) {
      state.leaveAll();
      state.ttl?.cancel();
    }
  }

  status(): ResourceStatus[] {
    return Array.from(this.#known.values(), (state) => state.status(this.type));
  }

  *contents(): Generator<ResourceContent> {
    for (const state of this.#known.values()) yield state.content(this.type);
  }

  *#replayAll(seat: CollectionSeat<Model[K]>, left: () => boolean): Generator<undefined, void, undefined> {
    if (left()) return;
    const { all } = this.#known;
    all.seat(seat);
    for (const name of [...this.names()]) {
      const state = this.#known.get(name);
      if (state?.bytes == null) continue;
      const value = state.value ?? (yield* decodeInSteps(this.type, state.bytes, this.#host.context)).value;
      all.tellOne(seat, (watcher) => watcher.changed(name, value));
      yield;
    }
    if (all.settled) all.tellOne(seat, (watcher) => watcher.settled());
    const { outage } = this.#host;
    if (outage !== null) all.tellOne(seat, (watcher) => watcher.ambientError(outage));
  }

  /** The names went out: what nobody watches is forgotten, and the wait for the rest begins. */
  #onSent(changes: ReadonlyMap<string, boolean>): void {
    for (const name of changes.keys()) this.#known.forgetUnwatched(this.#known.get(name));
    if (this.#allDropped) {
      this.#allDropped = false;
      for (const state of this.#known.list()) this.#known.forgetUnwatched(state);
    }
    if (this.#host.connected) this.startTimers();
  }

  /** Only the server in force is told of what it gave: another is to send all it has, which is how it comes to be in force. */
  *#held(server: number): Generator<readonly [name: string, version: string]> {
    if (!this.#known.deltaVersions || server !== this.#host.priority) return;
    for (const { name, bytes, version, priority, remembered, secondHand } of this.#known.values()) {
      if (bytes !== null && !remembered && !secondHand && priority === server) yield [name, version];
    }
  }
}
