import { isIP } from 'node:net';
import { type ConfigSource, MeshError, type Model, type Unwatch } from '@inmesh/core';
import type { CollectionWatcher } from '../ads/collection.ts';
import type { ListenerFinder, ListenerWatcher, Traffic } from '../join/listener-finder.ts';
import { bytesEntrance } from './bytes-entrance.ts';
import { chainForBytes, throughChain } from './chains.ts';
import { upstreamOfHost } from './consul-names.ts';
import { searchNames } from './dns-search.ts';
import type { Flavour } from './flavour.ts';
import { type Entrance, ListenerIndex } from './listener-index.ts';
import type { ListenerMemory } from './listener-memory.ts';
import { isLoopback } from './loopback.ts';

/** A source that tells whole types: an AdsClient. */
export interface WholeTypes {
  watchAll<K extends 'listener' | 'cluster'>(kind: K, watcher: CollectionWatcher<Model[K]>): Unwatch;
}

export interface WildcardFinderOptions {
  /** Where all there is comes from. */
  readonly feed: WholeTypes;
  /** Where single resources come from, static ones included. */
  readonly source: ConfigSource;
  /** Null: told by what the listeners look like. */
  readonly flavour: Flavour | null;
  /** The node's DNS domain, such as `default.svc.cluster.local`: what short hosts are completed with; '' for none. */
  readonly domain: string;
  /** Whether clusters are told as a whole, too: a sidecar's control plane knows them no other way. */
  readonly clusters: boolean;
  /** Hosts whose calls wait until the listeners are known; calls to others pass through until then. */
  readonly waits: (host: string, port: number) => boolean;
  /** Also take the routes of Istio's HTTP proxy port, which hold all hosts of all ports. Default false: an application has to ask for that proxy. */
  readonly httpProxy?: boolean;
  /** Default: nobody remembers. */
  readonly memory?: ListenerMemory | null;
}

/**
 * Finds listeners in a feed of whole types, as sidecars are fed. What there is, is known here, so no call waits for an answer about
 * its host: it has a listener, or it passes through at once. Until all listeners were told, what an earlier run knew of them holds.
 */
export class WildcardFinder implements ListenerFinder {
  readonly #options: WildcardFinderOptions;
  readonly #index = new ListenerIndex();
  readonly #findings = new Set<Finding>();
  readonly #unwatch: Unwatch[] = [];
  #waiting = new Set<() => void>();
  #started = false;
  #settled = false;
  /** The listeners as an earlier run knew them, until all are told. */
  #remembered: ListenerIndex | null = null;
  #changed = false;

  constructor(options: WildcardFinderOptions) {
    this.#options = options;
  }

  /** The flavour in force; null until the listeners have shown it. */
  get flavour(): Flavour | null {
    const { flavour } = this.#options;
    const index = this.#known;
    if (flavour !== null || index === null) return flavour;
    if (index.rest() !== null) return 'sidecar';
    return index.hasConsul ? 'consul' : 'envoy';
  }

  /** True once all listeners were told. */
  get settled(): boolean {
    return this.#settled;
  }

  /** Calls back once, when all listeners were told; the result takes that back. */
  whenSettled(callback: () => void): () => void {
    this.#waiting.add(callback);
    return () => this.#waiting.delete(callback);
  }

  find(target: string, watcher: ListenerWatcher, traffic: Traffic = 'calls'): Unwatch {
    this.start();
    const finding = new Finding(target, watcher, this.#options.source, traffic);
    this.#findings.add(finding);
    this.#look(finding);
    return () => {
      this.#findings.delete(finding);
      finding.stop();
    };
  }

  fullNames(host: string): readonly string[] {
    return this.flavour === 'sidecar' && isIP(host) === 0 ? searchNames(host, this.#options.domain) : [];
  }

  /** Asks for everything. The first `find` does, too. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    const { feed, clusters, memory } = this.#options;
    this.#remember(memory ?? null);
    // Clusters before the listeners that lead to them, as Envoy asks. They stay bytes until one is called.
    if (clusters) {
      this.#unwatch.push(feed.watchAll('cluster', { changed() {}, removed() {}, settled() {}, ambientError() {} }));
    }
    this.#unwatch.push(
      feed.watchAll('listener', {
        changed: (_, listener) => {
          this.#index.set(listener);
          this.#changed = true;
        },
        removed: (name) => {
          this.#index.delete(name);
          this.#changed = true;
        },
        settled: () => this.#settle(),
        ambientError: (error) => {
          for (const finding of this.#findings) finding.watcher.ambientError(error);
        },
      }),
    );
  }

  close(): void {
    for (const unwatch of this.#unwatch.splice(0)) unwatch();
    for (const finding of this.#findings) finding.stop();
    this.#findings.clear();
  }

  /** The listeners in force; null while nothing is known of them. */
  get #known(): ListenerIndex | null {
    return this.#settled ? this.#index : this.#remembered;
  }

  #remember(memory: ListenerMemory | null): void {
    const listeners = memory?.listeners() ?? null;
    if (listeners === null) return;
    this.#remembered = new ListenerIndex();
    for (const listener of listeners) this.#remembered.restore(listener);
  }

  #settle(): void {
    if (!this.#settled || this.#changed) this.#options.memory?.follow(() => this.#index.known());
    this.#settled = true;
    this.#remembered = null;
    this.#changed = false;
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const finding of [...this.#findings]) this.#look(finding);
    for (const callback of waiting) callback();
  }

  #look(finding: Finding): void {
    const { host, port } = finding;
    const index = this.#isKnown(finding) ? this.#known : null;
    const entrance = index === null ? null : this.#entrance(index, finding);
    if (entrance !== null) {
      finding.follow(entrance);
    } else if (index !== null) {
      finding.leave(`no listener of the feed is for ${host}:${port}`);
    } else if (!this.#options.waits(host, port)) {
      finding.leave('the control plane has not told its listeners yet, and the host is none of the mesh’s domains');
    }
  }

  /** What is only remembered says nothing of hosts outside the mesh's domains, but for those that were called as the mesh's: the rest must not wait for an old listener. */
  #isKnown({ host, port, target }: Finding): boolean {
    if (this.#settled || this.#remembered === null) return this.#settled;
    return this.#options.waits(host, port) || this.#options.memory?.wasUsed(target) === true;
  }

  #entrance(index: ListenerIndex, { host, port, traffic }: Finding): Entrance | null {
    if (traffic === 'bytes') {
      const { domain, waits } = this.#options;
      return bytesEntrance(index, { host, port, flavour: this.flavour, domain, ours: waits(host, port) });
    }
    const named = index.named(`${host}:${port}`) ?? (port === 80 ? index.named(host) : null);
    if (named !== null) return named;
    const address = host.replace(/^\[(.*)\]$/, '$1');
    if (isLoopback(address)) return index.at(address === 'localhost' ? '127.0.0.1' : address, port);
    switch (this.flavour) {
      case 'consul': {
        const upstream = upstreamOfHost(host);
        return upstream === null ? null : index.upstream(upstream);
      }
      case 'sidecar':
        return this.#ofSidecar(index, address, port) ?? index.rest();
      default:
        return this.#options.waits(host, port) ? index.onPort(port) : null;
    }
  }

  /**
   * As Envoy's listener for the destination would be found, but by names: a port with a protocol of its own for the service, its TCP
   * proxy, the routes that all services share on that port.
   */
  #ofSidecar(index: ListenerIndex, host: string, port: number): Entrance | null {
    if (isIP(host) !== 0) return index.at(host, port) ?? index.withRoutes(`${port}`) ?? this.#httpProxy(index);
    for (const name of searchNames(host, this.#options.domain)) {
      const own = index.withRoutes(`${name}:${port}`) ?? index.tcp(name, port);
      if (own !== null) return own;
    }
    return index.withRoutes(`${port}`) ?? this.#httpProxy(index);
  }

  #httpProxy(index: ListenerIndex): Entrance | null {
    return this.#options.httpProxy === true ? index.withRoutes('http_proxy') : null;
  }
}

/** What is found for one target, followed as it changes. */
class Finding {
  readonly target: string;
  readonly host: string;
  readonly port: number;
  readonly watcher: ListenerWatcher;
  readonly traffic: Traffic;
  readonly #source: ConfigSource;
  #entrance: Entrance | null = null;
  #unwatch: Unwatch | null = null;
  #outside: string | null = null;

  constructor(target: string, watcher: ListenerWatcher, source: ConfigSource, traffic: Traffic) {
    this.traffic = traffic;
    const colon = target.lastIndexOf(':');
    this.target = target;
    this.host = target.slice(0, colon).toLowerCase().replace(/\.$/, '');
    this.port = Number(target.slice(colon + 1));
    this.watcher = watcher;
    this.#source = source;
  }

  follow(entrance: Entrance): void {
    const { listener, chain } = entrance;
    if (listener === this.#entrance?.listener && chain === this.#entrance.chain) return;
    const before = this.#unwatch;
    this.#entrance = entrance;
    this.#outside = null;
    this.#unwatch = this.#source.watch('listener', listener, {
      changed: (value) => {
        // Without the chain, the index is about to find another way: until then the last one stays.
        const through = this.traffic === 'bytes' ? chainForBytes(value, chain) : throughChain(value, chain);
        if (through !== null && this.#entrance === entrance) this.watcher.changed(through);
      },
      resourceError: (error) => {
        if (this.#entrance === entrance && error.code === 'invalid_config') this.watcher.resourceError(error);
      },
      ambientError: (error) => {
        if (this.#entrance === entrance) this.watcher.ambientError(error);
      },
    });
    // After the new watch, so that a resource that both follow is never let go.
    before?.();
  }

  leave(why: string): void {
    if (this.#outside === why) return;
    this.stop();
    this.#outside = why;
    this.watcher.notInMesh(new MeshError('not_in_mesh', why, { authority: `${this.host}:${this.port}` }));
  }

  stop(): void {
    this.#entrance = null;
    this.#unwatch?.();
    this.#unwatch = null;
  }
}
