import type { Resource } from './resource.ts';
import { isFullState } from './resource-type.ts';
import type { TypeState } from './snapshot.ts';
import { StreamSubscription } from './stream-subscription.ts';

/** What one stream of the state-of-the-world variant wants of one type, and what it was sent. */
export class Subscription extends StreamSubscription {
  names: ReadonlySet<string> = new Set();
  /** Names were asked for that no response has answered yet. */
  asked = false;
  /** What was sent is due once more, though it is the same. */
  again = false;
  sent: ReadonlyMap<string, Resource> = new Map();
  #everNamed = false;

  /** Takes the names of a request. None at first means all for LDS and CDS; once there were names, none means none. */
  want(names: readonly string[]): void {
    const before = this.names;
    const wasWildcard = this.wildcard;
    if (names.length > 0) this.#everNamed = true;
    this.wildcard = this.#everNamed ? names.includes('*') : isFullState(this.typeUrl);
    this.names = new Set(names.filter((name) => name !== '*'));
    if (this.wildcard && !wasWildcard) this.asked = true;
    for (const name of this.names) if (!before.has(name)) this.asked = true;
    // What is given up may be asked for again later and must then be sent again.
    if (!this.wildcard) this.sent = new Map([...this.sent].filter(([name]) => this.names.has(name)));
  }

  /** The subscribed resources that exist. */
  view({ resources }: TypeState): ReadonlyMap<string, Resource> {
    if (this.wildcard) return resources;
    const view = new Map<string, Resource>();
    for (const name of this.names) {
      const resource = resources.get(name);
      if (resource !== undefined) view.set(name, resource);
    }
    return view;
  }

  /** Whether this view differs from what was sent; a deletion counts only where a response can tell it. */
  differs(view: ReadonlyMap<string, Resource>): boolean {
    for (const [name, resource] of view) if (this.sent.get(name) !== resource) return true;
    return isFullState(this.typeUrl) && view.size !== this.sent.size;
  }
}
