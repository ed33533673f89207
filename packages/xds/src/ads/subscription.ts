import type { Wanted, WantedFollower } from './wanted.ts';

/** Whoever wants the names. */
export interface SubscriptionHolder {
  /** The names went to the server: the changes since the last time, true for added. */
  onSent(changes: ReadonlyMap<string, boolean>): void;
  held(): Iterable<readonly [name: string, version: string]>;
}

/** What one server is asked for of one resource type, and what of that it does not know yet. */
export class Subscription implements WantedFollower {
  readonly typeUrl: string;
  /** `version_info` of the last response of this type that was accepted; empty for none. Outlives the stream. */
  version = '';
  readonly #wanted: Wanted;
  readonly #holder: SubscriptionHolder;
  /** Not sent yet: true for added, false for removed. What is added and removed between two requests is no change. */
  readonly #changes = new Map<string, boolean>();
  #wildcardChanged = false;

  constructor(typeUrl: string, wanted: Wanted, holder: SubscriptionHolder) {
    this.typeUrl = typeUrl;
    this.#wanted = wanted;
    this.#holder = holder;
  }

  get wildcard(): boolean {
    return this.#wanted.wildcard;
  }

  /** Anything is wanted. */
  get wanted(): boolean {
    return this.#wanted.any;
  }

  /** What is in force, with the versions that a delta server gave: what a new stream begins with. */
  get held(): Iterable<readonly [name: string, version: string]> {
    return this.#holder.held();
  }

  get names(): ReadonlySet<string> {
    return this.#wanted.names;
  }

  /** There is something to tell the server. */
  get changed(): boolean {
    return this.#changes.size > 0 || this.#wildcardChanged;
  }

  isChanging(name: string): boolean {
    return this.#changes.has(name);
  }

  /** Begins to note changes: with those that the server before did not hear, because what follows from them is still to be done. */
  follow(previous: Subscription | null): void {
    if (previous !== null) {
      for (const [name, added] of previous.#changes) this.#changes.set(name, added);
      this.#wildcardChanged = previous.#wildcardChanged;
    }
    this.#wanted.follow(this);
  }

  /** The server is not asked any more; what it did not hear is settled with that. */
  leave(): void {
    this.#wanted.leave(this);
    this.version = '';
    this.sent();
  }

  /** Called by a stream when it has sent the names. */
  sent(): void {
    const changes = new Map(this.#changes);
    this.#changes.clear();
    this.#wildcardChanged = false;
    this.#holder.onSent(changes);
  }

  onName(name: string, added: boolean): void {
    if (!this.#changes.delete(name)) this.#changes.set(name, added);
  }

  onWildcard(): void {
    this.#wildcardChanged = !this.#wildcardChanged;
  }
}

/** There is something to ask for. */
export function anyWanted(subscriptions: Iterable<Subscription>): boolean {
  for (const { wanted } of subscriptions) if (wanted) return true;
  return false;
}

/** A new stream begins with what is in force. A delta server for which that is right has nothing to say: its connection does for a word. */
export function anyHeld(subscriptions: Iterable<Subscription>): boolean {
  for (const { wanted, held } of subscriptions) if (wanted && held[Symbol.iterator]().next().done !== true) return true;
  return false;
}
