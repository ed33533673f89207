import type { FilterChain, Listener } from '@inmesh/core';
import { chainKey, WHOLE } from './chains.ts';
import { type ConsulName, looksLikeConsul, upstreamOfChain, upstreamOfListener } from './consul-names.ts';
import type { KnownListener } from './listener-memory.ts';

/** A way into the feed: a listener, and the chain of it. */
export interface Entrance {
  readonly listener: string;
  readonly chain: string;
}

/** What is kept of a listener: its entrances, each under the keys by which it is looked up. */
type Keyed = readonly (readonly [key: string, entrance: Entrance])[];

/**
 * Where outbound listeners lead, by all that a target can be looked up by. Only names are kept: the listeners themselves stay
 * bytes until one is used.
 */
export class ListenerIndex {
  readonly #byKey = new Map<string, Entrance[]>();
  readonly #byListener = new Map<string, Keyed>();
  #consul = 0;

  set(listener: Listener): void {
    this.#set(listener.name, listener.direction === 'inbound' ? [] : [...keysOf(listener)]);
  }

  /** Puts back what `known` gave. */
  restore({ name, ways }: KnownListener): void {
    this.#set(
      name,
      ways.map(([key, chain]) => [key, { listener: name, chain }]),
    );
  }

  /** All listeners, with what they are found by. */
  *known(): Generator<KnownListener> {
    for (const [name, keyed] of this.#byListener) {
      yield { name, ways: keyed.map(([key, { chain }]) => [key, chain]) };
    }
  }

  #set(name: string, keyed: Keyed): void {
    this.delete(name);
    this.#byListener.set(name, keyed);
    if (looksLikeConsul(name)) this.#consul++;
    for (const [key, entrance] of keyed) {
      const entrances = this.#byKey.get(key);
      if (entrances === undefined) this.#byKey.set(key, [entrance]);
      else entrances.push(entrance);
    }
  }

  delete(name: string): void {
    for (const [key, entrance] of this.#byListener.get(name) ?? []) {
      const left = this.#byKey.get(key)?.filter((each) => each !== entrance) ?? [];
      if (left.length === 0) this.#byKey.delete(key);
      else this.#byKey.set(key, left);
    }
    if (this.#byListener.delete(name) && looksLikeConsul(name)) this.#consul--;
  }

  /** There is a listener of Consul's making. */
  get hasConsul(): boolean {
    return this.#consul > 0;
  }

  /** The listener of this very name. */
  named(name: string): Entrance | null {
    return this.#first(`name ${name}`);
  }

  /** A connection manager whose routes have this name. */
  withRoutes(name: string): Entrance | null {
    return this.#first(`routes ${name}`);
  }

  /** What listens on this address (an IP address and a port), or on this port of all addresses. */
  at(host: string, port: number): Entrance | null {
    return this.#first(`address ${host} ${port}`);
  }

  onPort(port: number): Entrance | null {
    return this.#first(`port ${port}`);
  }

  /** What takes streams of bytes to this port. */
  bytesOnPort(port: number): Entrance | null {
    return this.#first(`bytes ${port}`);
  }

  /** The TCP proxy for a port of a service of Istio's, by the clusters that it leads to. */
  tcp(fqdn: string, port: number): Entrance | null {
    return this.#first(`tcp ${fqdn}:${port}`);
  }

  /** The listener of a Consul upstream. A name without a datacenter means the own one first. */
  upstream({ service, datacenter }: ConsulName): Entrance | null {
    return (
      this.#first(`upstream ${service} ${datacenter}`) ??
      (datacenter === '' ? this.#first(`upstream ${service}`) : null)
    );
  }

  /** What takes the connections that no other listener has: the outbound policy. */
  rest(): Entrance | null {
    return this.#first('rest');
  }

  /** Of several the first by name, so that the choice does not depend on the order of arrival. */
  #first(key: string): Entrance | null {
    const entrances = this.#byKey.get(key);
    if (entrances === undefined) return null;
    return entrances.reduce((best, each) => (each.listener < best.listener ? each : best));
  }
}

/** Istio's name for the listener that catches a pod's outbound connections. */
const VIRTUAL_OUTBOUND = 'virtualOutbound';

function* keysOf(listener: Listener): Generator<readonly [string, Entrance]> {
  const { name, address, chains } = listener;
  yield [`name ${name.toLowerCase()}`, { listener: name, chain: WHOLE }];
  const upstream = upstreamOfListener(name);
  for (const [position, chain] of chains.entries()) {
    const entrance = { listener: name, chain: chainKey(chain, position) };
    if (name === VIRTUAL_OUTBOUND) {
      if (chain.catchAll && chain.port === null) yield ['rest', entrance];
      continue;
    }
    if (chain.http?.routes.kind === 'rds') yield [`routes ${chain.http.routes.name}`, entrance];
    // Routes that come with a port's listener stand for those that it would name by its port.
    else if (chain.http !== null && onAllAddresses(listener)) yield [`routes ${portOf(listener)}`, entrance];
    for (const [service, port] of istioServices(chain)) yield [`tcp ${service}:${port}`, entrance];
    if (upstream !== null) {
      if (upstream.datacenter === '') yield [`upstream ${upstream.service} `, entrance];
      else yield [`upstream ${upstream.service} ${upstream.datacenter}`, entrance];
      yield [`upstream ${upstream.service}`, entrance];
    } else {
      const virtual = upstreamOfChain(chain.http?.statPrefix ?? chain.tcp?.statPrefix ?? '');
      if (virtual !== null) {
        yield [`upstream ${virtual.service} ${virtual.datacenter}`, entrance];
        yield [`upstream ${virtual.service}`, entrance];
      }
    }
  }
  const best = chains.findIndex(({ http }) => http !== null);
  const chain = chains[best < 0 ? 0 : best];
  if (address?.kind !== 'socket' || chain === undefined || name === VIRTUAL_OUTBOUND) return;
  const entrance = { listener: name, chain: chainKey(chain, Math.max(best, 0)) };
  yield [`address ${address.host} ${address.port}`, entrance];
  if (chain.http !== null) yield [`port ${address.port}`, entrance];
  if (chains.some(({ tcp }) => tcp !== null)) yield [`bytes ${address.port}`, { listener: name, chain: WHOLE }];
}

function onAllAddresses({ address }: Listener): boolean {
  return address?.kind === 'socket' && (address.host === '0.0.0.0' || address.host === '::');
}

function portOf({ address }: Listener): number {
  return address?.kind === 'socket' ? address.port : 0;
}

/** Host and port of the services in the names of clusters: `outbound|9080|v1|reviews.default.svc.cluster.local`. */
function* istioServices({ tcp, http }: FilterChain): Generator<readonly [host: string, port: string]> {
  if (http !== null) return;
  for (const { name } of tcp?.clusters ?? []) {
    const [direction, port = '', , host = ''] = name.split('|');
    if (direction === 'outbound' && host !== '') yield [host.toLowerCase(), port];
  }
}
