import {
  type ConfigSource,
  type Kind,
  type Model,
  type RouteConfiguration,
  secretsOf,
  type Unwatch,
} from '@inmesh/core';
import { type AdsClient, clusterNames } from '@inmesh/xds';

/** What is asked for: whole types, or listeners by name. */
export interface FeedWalkOptions {
  readonly source: ConfigSource;
  /** Of the servers that tell whole types. */
  readonly client: Pick<AdsClient, 'watchAll'>;
  /** Types of which everything is asked for. */
  readonly whole: readonly ('listener' | 'cluster')[];
  /** Each by its name, or by several of which one is enough. */
  readonly listeners: readonly (readonly string[])[];
  /** Something came, went or was refused. */
  readonly changed: () => void;
}

interface Followed {
  readonly unwatch: Unwatch;
  /** Resources that name it. */
  users: number;
}

/** A resource by kind and name. */
type Reference = readonly [kind: Kind, name: string];

/**
 * Asks for resources and for all that they name, as a client does for its calls, and goes after what changes: listeners lead to route
 * configurations, these to clusters, these to endpoints.
 */
export class FeedWalk {
  readonly #options: FeedWalkOptions;
  readonly #followed = new Map<string, Followed>();
  /** By the resource that names them. */
  readonly #named = new Map<string, readonly Reference[]>();
  /** Asked for, and without an answer. */
  readonly #waiting = new Set<string>();
  readonly #stops: Unwatch[] = [];
  readonly #alternatives: { readonly from: string; readonly names: readonly string[] }[] = [];

  constructor(options: FeedWalkOptions) {
    this.#options = options;
    for (const kind of options.whole) this.#takeAll(kind);
    for (const names of options.listeners) this.#start(names);
  }

  /** There is an answer to everything that was asked for. */
  get settled(): boolean {
    return this.#waiting.size === 0;
  }

  close(): void {
    for (const stop of this.#stops) stop();
    for (const { unwatch } of this.#followed.values()) unwatch();
    this.#followed.clear();
  }

  #takeAll(kind: 'listener' | 'cluster'): void {
    const all = keyOf([kind, '*']);
    this.#waiting.add(all);
    const stop = this.#options.client.watchAll(kind, {
      changed: (name: string, value: Model[typeof kind]) => this.#follow(keyOf([kind, name]), named(kind, value)),
      removed: (name) => this.#follow(keyOf([kind, name]), []),
      settled: () => {
        this.#waiting.delete(all);
        this.#options.changed();
      },
      ambientError: () => this.#options.changed(),
    });
    this.#stops.push(stop);
  }

  /** Follows a listener under each of its names, until one is there. */
  #start(names: readonly string[]): void {
    const from = `start ${names.join()}`;
    this.#alternatives.push({ from, names });
    this.#follow(
      from,
      names.map((name): Reference => ['listener', name]),
    );
  }

  #found(listener: string): void {
    for (const { from, names } of this.#alternatives) {
      if (names.includes(listener)) this.#follow(from, [['listener', listener]]);
    }
  }

  /** Replaces what a resource names. */
  #follow(from: string, references: readonly Reference[]): void {
    const before = this.#named.get(from) ?? [];
    this.#named.set(from, references);
    for (const reference of references) {
      this.#use(reference);
      // What was known already may have replaced it meanwhile.
      if (this.#named.get(from) !== references) return;
    }
    for (const reference of before) this.#leave(reference);
  }

  #use(reference: Reference): void {
    const key = keyOf(reference);
    const known = this.#followed.get(key);
    if (known !== undefined) {
      known.users++;
      return;
    }
    this.#waiting.add(key);
    // Its watcher may be told before `watch` returns, and then finds what it names followed.
    const followed = { unwatch: (): void => {}, users: 1 };
    this.#followed.set(key, followed);
    followed.unwatch = this.#watch(...reference, key);
  }

  #leave(reference: Reference): void {
    const key = keyOf(reference);
    const known = this.#followed.get(key);
    if (known === undefined || --known.users > 0) return;
    this.#followed.delete(key);
    this.#waiting.delete(key);
    known.unwatch();
    this.#follow(key, []);
    this.#named.delete(key);
  }

  #watch<K extends Kind>(kind: K, name: string, key: string): Unwatch {
    const heard = (references: readonly Reference[] | null): void => {
      this.#waiting.delete(key);
      if (references !== null) this.#follow(key, references);
      this.#options.changed();
    };
    return this.#options.source.watch(kind, name, {
      changed: (value) => {
        heard(named(kind, value));
        if (kind === 'listener') this.#found(name);
      },
      resourceError: () => heard([]),
      ambientError: () => this.#options.changed(),
      recovered: () => this.#options.changed(),
    });
  }
}

function keyOf([kind, name]: Reference): string {
  return `${kind} ${name}`;
}

function named<K extends Kind>(kind: K, value: Model[K]): Reference[] {
  switch (kind) {
    case 'listener': {
      const { http } = value as Model['listener'];
      if (http === null) return [];
      return http.routes.kind === 'rds' ? [['routeConfiguration', http.routes.name]] : clusters(http.routes.config);
    }
    case 'routeConfiguration':
      return clusters(value as RouteConfiguration);
    case 'cluster': {
      const { discovery, transport } = value as Model['cluster'];
      const secrets = secretsOf(transport).filter(({ source }) => source.kind === 'ads');
      return [
        ...(discovery.kind === 'eds' ? [['clusterLoadAssignment', discovery.serviceName] as const] : []),
        ...secrets.map(({ name }) => ['secret', name] as const),
      ];
    }
    default:
      return [];
  }
}

function clusters(config: RouteConfiguration): Reference[] {
  const names = new Set(config.virtualHosts.flatMap((virtualHost) => [...clusterNames(virtualHost, config)]));
  return Array.from(names, (name) => ['cluster', name]);
}
