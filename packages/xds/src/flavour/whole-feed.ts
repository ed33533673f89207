import type { ConfigSource, FilterChain, Kind, Listener, Unwatch } from '@inmesh/core';
import type { WholeTypes } from './wildcard-finder.ts';

export interface WholeFeedOptions {
  /** Where all there is comes from. */
  readonly feed: WholeTypes;
  /** Where single resources come from. */
  readonly source: ConfigSource;
}

/**
 * Follows everything that a feed of whole types has for outbound calls, as a sidecar does: listeners with their routes, clusters with
 * their endpoints. So all of it is at hand, and remembered, before the first call; it costs the memory and the updates of all.
 */
export class WholeFeed {
  readonly #source: ConfigSource;
  /** What is followed for the sake of one listener or cluster. */
  readonly #followed = new Map<string, readonly Unwatch[]>();
  readonly #unwatch: readonly Unwatch[];

  constructor({ feed, source }: WholeFeedOptions) {
    this.#source = source;
    this.#unwatch = [
      feed.watchAll('cluster', {
        ...nobody,
        changed: (name, { discovery }) => {
          const endpoints = discovery.kind === 'eds' ? [discovery.serviceName] : [];
          this.#follow('cluster', name, 'clusterLoadAssignment', endpoints);
        },
        removed: (name) => this.#leave('cluster', name),
      }),
      feed.watchAll('listener', {
        ...nobody,
        changed: (name, listener) => {
          if (listener.direction === 'inbound') this.#leave('listener', name);
          else this.#follow('listener', name, 'routeConfiguration', routesOf(listener));
        },
        removed: (name) => this.#leave('listener', name),
      }),
    ];
  }

  close(): void {
    for (const unwatch of this.#unwatch) unwatch();
    for (const all of this.#followed.values()) for (const unwatch of all) unwatch();
    this.#followed.clear();
  }

  /** The new ones first, so that what both follow is never let go. */
  #follow(kind: Kind, name: string, needed: Kind, names: readonly string[]): void {
    const watch = (each: Kind, ofName: string): Unwatch => this.#source.watch(each, ofName, nobody);
    const next = [watch(kind, name), ...names.map((each) => watch(needed, each))];
    this.#leave(kind, name);
    this.#followed.set(`${kind} ${name}`, next);
  }

  #leave(kind: Kind, name: string): void {
    const key = `${kind} ${name}`;
    for (const unwatch of this.#followed.get(key) ?? []) unwatch();
    this.#followed.delete(key);
  }
}

/** To be followed is all that is wanted: whoever calls hears the rest. */
const nobody = { changed() {}, removed() {}, settled() {}, resourceError() {}, ambientError() {} };

function routesOf({ http, chains }: Listener): readonly string[] {
  const all: readonly FilterChain['http'][] = [http, ...chains.map((chain) => chain.http)];
  return [...new Set(all.flatMap((each) => (each?.routes.kind === 'rds' ? [each.routes.name] : [])))];
}
