import type { ExtensionConfig, HttpFilterConfig, Listener } from '@inmesh/core';
import type { Decoding } from '../decode/decoding.ts';
import { configureFilter } from '../decode/http-filter.ts';
import { newDecoding } from '../decode/new-decoding.ts';

/** A configuration for each filter that takes its own from elsewhere; null for one that has none. */
export type DiscoveredConfigs = readonly (ExtensionConfig | null)[];

/**
 * Puts configurations that came on their own into listeners. What was made of a listener is found again, so that all authorities of a
 * listener share its filters and what those count.
 */
export class ListenerCompleter {
  #decoding: Decoding | null = null;
  readonly #made = new WeakMap<Listener, { readonly configs: DiscoveredConfigs; readonly listener: Listener }>();

  /** `configs` are in the order of the filters. */
  complete(listener: Listener, configs: DiscoveredConfigs): Listener {
    const known = this.#made.get(listener);
    if (known?.configs.every((config, index) => config === configs[index])) return known.listener;
    const { http } = listener;
    if (http === null) return listener;
    const left = [...configs];
    const httpFilters = http.httpFilters.map((filter) =>
      filter.discovery === undefined ? filter : this.#configured(filter, left.shift() ?? null),
    );
    const made = { ...listener, http: { ...http, httpFilters } };
    this.#made.set(listener, { configs, listener: made });
    return made;
  }

  /** One that cannot be read is as good as none: the default serves, where there is one. */
  #configured(filter: HttpFilterConfig, config: ExtensionConfig | null): HttpFilterConfig {
    this.#decoding ??= newDecoding();
    for (const candidate of [config, filter.discovery?.defaultConfig ?? null]) {
      if (candidate === null) continue;
      try {
        return configureFilter(this.#decoding, filter, candidate, '');
      } catch {}
    }
    return filter;
  }
}
