import type { Resource } from './resource.ts';
import { isFullState } from './resource-type.ts';
import type { TypeState } from './snapshot.ts';
import { StreamSubscription } from './stream-subscription.ts';

/** The part of an incremental request that concerns names. */
export interface DeltaNames {
  readonly resourceNamesSubscribe: readonly string[];
  readonly resourceNamesUnsubscribe: readonly string[];
  readonly initialResourceVersions: { readonly [name: string]: string };
}

/** What is to be told: what the client lacks, and what it has and should not. */
export interface DeltaChange {
  readonly resources: readonly Resource[];
  readonly removed: readonly string[];
}

/** What one stream of the incremental variant wants of one type, and what it has. */
export class DeltaSubscription extends StreamSubscription {
  readonly #names = new Set<string>();
  /** By name, the version that the client has. */
  readonly #held = new Map<string, string>();
  /** Names that must be answered, whether or not there is anything new. */
  readonly #asked = new Set<string>();
  /** All was asked for, and no response has answered that yet. */
  #allAsked = false;
  #met = false;

  get names(): ReadonlySet<string> {
    return this.#names;
  }

  /** Something was asked for that no response has answered yet. */
  get asked(): boolean {
    return this.#allAsked || this.#asked.size > 0;
  }

  /**
   * Takes the names of a request. A first request without any means all for LDS and CDS; `*` subscribed and unsubscribed at
   * once means nothing. Who asks for a name again is sent it again, unless a first request says which version it has.
   */
  want({ resourceNamesSubscribe, resourceNamesUnsubscribe, initialResourceVersions }: DeltaNames): void {
    const first = !this.#met;
    const before = this.wildcard;
    this.#met = true;
    if (first && resourceNamesSubscribe.length === 0 && isFullState(this.typeUrl)) this.wildcard = true;
    if (first) for (const [name, version] of Object.entries(initialResourceVersions)) this.#held.set(name, version);
    for (const name of resourceNamesSubscribe) {
      if (name === '*') {
        this.wildcard = true;
        continue;
      }
      this.#names.add(name);
      if (this.#held.has(name) && first) continue;
      this.#asked.add(name);
      this.#held.delete(name);
    }
    for (const name of resourceNamesUnsubscribe) {
      if (name === '*') this.wildcard = false;
      this.#names.delete(name);
      this.#asked.delete(name);
    }
    if (this.wildcard && !before) this.#allAsked = true;
    if (this.wildcard) return;
    this.#allAsked = false;
    for (const name of [...this.#held.keys()]) if (!this.#names.has(name)) this.#held.delete(name);
  }

  /** What the client lacks of this state. `keepGone`: what it has stays, though it is not there any more. */
  change({ resources }: TypeState, keepGone: boolean): DeltaChange {
    const fresh: Resource[] = [];
    const wanted = this.wildcard ? resources.keys() : this.#names;
    const named = this.wildcard ? [...this.#names].filter((name) => !resources.has(name)) : [];
    const removed: string[] = [];
    for (const name of [...wanted, ...named]) {
      const resource = resources.get(name);
      if (resource === undefined) {
        if (this.#asked.has(name)) removed.push(name);
      } else if (this.#held.get(name) !== resource.version) {
        fresh.push(resource);
      }
    }
    if (!keepGone) for (const name of this.#held.keys()) if (!resources.has(name)) removed.push(name);
    return { resources: fresh, removed: [...new Set(removed)] };
  }

  /** The client has some version of this. */
  holds(name: string): boolean {
    return this.#held.has(name);
  }

  /** What the client has of these is due once more, though it is the same. */
  again(names: ReadonlySet<string>, { resources }: TypeState): void {
    for (const name of names) {
      if (!resources.has(name) || !this.#held.delete(name)) continue;
      this.#asked.add(name);
    }
  }

  /** This was sent. What is refused later counts as had, because it is not sent again until it changes. */
  sent({ resources, removed }: DeltaChange): void {
    for (const { name, version } of resources) this.#held.set(name, version);
    for (const name of removed) this.#held.delete(name);
    this.#asked.clear();
    this.#allAsked = false;
  }
}
