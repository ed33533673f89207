import type { ConfigDiscovery, ConfigSource, ExtensionConfig, Listener, Unwatch } from '@inmesh/core';
import type { ListenerCompleter } from './listener-completer.ts';

interface Followed {
  readonly unwatch: Unwatch;
  config: ExtensionConfig | null;
  /** The control plane has told of it: what it is, or that there is none. */
  settled: boolean;
}

/** Follows the configurations that filters of one listener take from resources of their own. (ECDS) */
export class DiscoveredFilters {
  readonly #source: ConfigSource;
  readonly #completer: ListenerCompleter;
  readonly #changed: () => void;
  readonly #followed = new Map<string, Followed>();

  constructor(source: ConfigSource, completer: ListenerCompleter, changed: () => void) {
    this.#source = source;
    this.#completer = completer;
    this.#changed = changed;
  }

  /** Follows what this listener needs, and nothing else any more. */
  follow(listener: Listener): void {
    const wanted = new Map(discoveries(listener).map((discovery) => [discovery.name, discovery]));
    for (const [name, { unwatch }] of this.#followed) {
      if (wanted.has(name)) continue;
      this.#followed.delete(name);
      unwatch();
    }
    for (const [name, discovery] of wanted) if (!this.#followed.has(name)) this.#start(name, discovery);
  }

  /** The listener with all that has come for it; null where something is still to be waited for. */
  complete(listener: Listener): Listener | null {
    const configs: (ExtensionConfig | null)[] = [];
    for (const { name, defaultConfig, applyDefaultConfigWithoutWarming } of discoveries(listener)) {
      const followed = this.#followed.get(name);
      if (followed?.settled !== true && !applyDefaultConfigWithoutWarming) return null;
      configs.push(followed?.config ?? defaultConfig);
    }
    return configs.length === 0 ? listener : this.#completer.complete(listener, configs);
  }

  close(): void {
    for (const { unwatch } of this.#followed.values()) unwatch();
    this.#followed.clear();
  }

  #start(name: string, { typeNames }: ConfigDiscovery): void {
    let followed: Followed | null = null;
    let early: { config: ExtensionConfig | null } | null = null;
    const tell = (config: ExtensionConfig | null) => {
      if (followed === null) {
        early = { config };
        return;
      }
      followed.config = config;
      followed.settled = true;
      this.#changed();
    };
    const unwatch = this.#source.watch('extensionConfig', name, {
      // One of a type that the listener does not allow is none; what was in force stays.
      changed: (config) => tell(typeNames.includes(config.typeName) ? config : (followed?.config ?? null)),
      resourceError: () => tell(null),
      ambientError: () => {},
    });
    const told = early as { config: ExtensionConfig | null } | null;
    followed = { unwatch, config: told?.config ?? null, settled: told !== null };
    this.#followed.set(name, followed);
  }
}

function discoveries({ http }: Listener): ConfigDiscovery[] {
  return http?.httpFilters.flatMap(({ discovery }) => discovery ?? []) ?? [];
}
