import { type MeshError, outsideContext } from '@inmesh/core';
import type { ServerLink } from './server-link.ts';
import type { ServerLinkEvents } from './server-link-options.ts';
import type { AdsStream, Update } from './stream.ts';

/** Of the server in force only, but for oddities. */
export interface ServerChainEvents extends ServerLinkEvents {
  /** Another server is in force. Nothing of what the last one sent is to be applied any more. */
  onSwitch(): void;
  /** Something is watched of which nothing is known. */
  lacking(): boolean;
}

/**
 * Several control planes with the same resources, the best first, one of them in force (gRFC A71). The next one is taken
 * when the one in force fails without a response while something is watched that is not known: as long as all is known,
 * values that are a little old are better than those of another server. The better ones are tried on meanwhile, and the first
 * of them that responds is in force again; then those below it are closed.
 */
export class ServerChain {
  readonly links: readonly ServerLink[];
  readonly #events: ServerChainEvents;
  #active = 0;
  #checking = false;
  #closed = false;

  /** `makeLink`: the links, all at rest; 0 is the best. */
  constructor(
    count: number,
    makeLink: (priority: number, events: ServerLinkEvents) => ServerLink,
    events: ServerChainEvents,
  ) {
    this.#events = events;
    this.links = Array.from({ length: count }, (_, priority) => makeLink(priority, this.#eventsOf(priority)));
    this.#link(0).wake(null);
  }

  /** Place of the server in force. */
  get active(): number {
    return this.#active;
  }

  /** The server in force. */
  get link(): ServerLink {
    return this.#link(this.#active);
  }

  /** Subscriptions changed. */
  schedule(): void {
    if (this.#closed) return;
    for (const link of this.links.slice(0, this.#active + 1)) link.schedule();
    if (this.#checking || !this.link.failing) return;
    // After the turn, as requests are sent: what is taken back by then is no reason to change the server.
    this.#checking = true;
    outsideContext(() =>
      queueMicrotask(() => {
        this.#checking = false;
        this.#fallBack();
      }),
    );
  }

  close(): void {
    this.#closed = true;
    for (const link of this.links) link.close();
  }

  #eventsOf(priority: number): ServerLinkEvents {
    return {
      onUp: () => {
        if (priority === this.#active) this.#events.onUp();
      },
      onUpdate: (update: Update, stream: AdsStream) => {
        if (priority < this.#active) this.#returnTo(priority);
        this.#events.onUpdate(update, stream);
      },
      onDown: (error: MeshError | null) => {
        if (priority !== this.#active) return;
        this.#events.onDown(error);
        this.#fallBack();
      },
      onOddity: (error: MeshError) => this.#events.onOddity(error),
      onStatus: () => this.#events.onStatus(),
    };
  }

  #fallBack(): void {
    const next = this.links[this.#active + 1];
    if (this.#closed || next === undefined || !this.link.failing || !this.#events.lacking()) return;
    const given = this.link;
    given.forgetVersions();
    this.#active++;
    next.wake(given);
    this.#events.onSwitch();
  }

  #returnTo(priority: number): void {
    for (const link of this.links.slice(priority + 1, this.#active + 1)) link.rest();
    this.#active = priority;
    this.#events.onSwitch();
  }

  #link(priority: number): ServerLink {
    const link = this.links[priority];
    if (link === undefined) throw new RangeError(`there is no server ${priority}`);
    return link;
  }
}
