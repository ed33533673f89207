import { type RouteConfiguration, VirtualHostIndex } from '@inmesh/core';

/** The domains of route configurations, indexed once for all authorities that look into one. */
export class VirtualHosts {
  readonly #indexes = new WeakMap<RouteConfiguration, VirtualHostIndex>();

  of(config: RouteConfiguration): VirtualHostIndex {
    const known = this.#indexes.get(config);
    if (known !== undefined) return known;
    const index = new VirtualHostIndex(config.virtualHosts);
    this.#indexes.set(config, index);
    return index;
  }
}
